"""Settings: every one in config.toml, and nothing wrong in them unnoticed."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from posestream import stream
from posestream.stream.config import FREE_SECTIONS, Config, load
from posestream.stream.errors import ConfigError

PACKAGED = Path(__file__).parents[2] / "config.toml"
TREE: dict[str, dict[str, Any]] = tomllib.loads(PACKAGED.read_text())
KEYS = [f"{section}.{key}" for section, keys in TREE.items() for key in keys]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no ./posestream.toml lies."""
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "mine.toml") -> Path:
    Path(name).write_text(text)
    return Path(name)


def complaint(text: str) -> str:
    """What loading a file with this text fails with; always one line."""
    with pytest.raises(ConfigError) as raised:
        load(written(text))
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
    return str(raised.value)


def value_of(config: Config, name: str) -> object:
    section, key = name.split(".")
    return getattr(getattr(config, section), key)


def kind_of(name: str) -> inspect.Type:
    section, key = name.split(".")
    sections = {field.name: field.type for field in _fields(inspect.type_info(Config))}
    kind = next(field.type for field in _fields(sections[section]) if field.name == key)
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    assert isinstance(kind, inspect.StructType)
    return kind.fields


# ---- config.toml itself


def test_the_packaged_file_gives_every_default() -> None:
    config = load()
    for name in KEYS:
        value = value_of(config, name)
        written = TREE[name.split(".")[0]][name.split(".")[1]]
        assert value == (tuple(written) if isinstance(value, tuple) else written), name


def test_no_default_is_written_anywhere_else() -> None:
    for section in _fields(inspect.type_info(Config)):
        if section.name not in FREE_SECTIONS:
            assert [field.name for field in _fields(section.type) if not field.required] == []


def test_sections_and_keys_of_file_and_program_are_the_same() -> None:
    known = {
        section.name: {field.name for field in _fields(section.type)}
        for section in _fields(inspect.type_info(Config))
        if section.name not in FREE_SECTIONS
    }
    assert known == {section: set(keys) for section, keys in TREE.items() if section not in FREE_SECTIONS}


@pytest.mark.parametrize("name", KEYS)
def test_every_setting_is_used(name: str) -> None:
    key = name.split(".")[1]
    assert key in _attributes_read(), f"nobody reads {name}"


def _attributes_read() -> set[str]:
    """Attribute names that the program reads outside of the settings' own module, and sections it takes as a whole."""
    if not _READ:
        for file in Path(stream.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and file.name != "config.py":
                    _READ.add(node.attr)
    return _READ


_READ: set[str] = set()


@pytest.mark.parametrize("name", KEYS)
def test_every_setting_says_what_it_means_and_its_range(name: str) -> None:
    section, key = name.split(".")
    block = PACKAGED.read_text().split(f"[{section}]")[1].split("\n[")[0]
    line = next(line for line in block.splitlines() if line.startswith(f"{key} ="))
    comment = f"{block.splitlines()[0].partition('#')[2]} {line.partition('#')[2]}".strip()
    match kind_of(name):
        case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
            limits = {float(limit) for limit in (least, most) if limit is not None}
            assert limits <= {float(number) for number in re.findall(r"[0-9]+(?:\.[0-9]+)?", comment)}
        case inspect.LiteralType(values=values):
            assert all(str(value) in comment for value in values)
        case _:
            assert comment


# ---- where a setting comes from


def test_a_file_overrides_the_packaged_one_and_the_command_line_both() -> None:
    file = written("[run]\ndetect_every = 3\nmax_people = 4\n")
    config = load(file, {"run.detect_every": 7})
    assert (config.run.detect_every, config.run.max_people) == (7, 4)
    assert config.run.model == TREE["run"]["model"]


def test_posestream_toml_in_the_working_directory_is_read_unless_another_is_named() -> None:
    written("[run]\nmax_people = 4\n", "posestream.toml")
    assert load().run.max_people == 4
    assert load(written("[run]\nflip = true\n")).run.max_people == TREE["run"]["max_people"]


def test_at_the_top_of_a_clone_the_packaged_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PACKAGED.parent)
    assert load() == load(PACKAGED)


def test_cameras_are_named_by_the_user() -> None:
    config = load(written('[cameras]\ndoor-1 = "rtsp://a"\nback_door = "0"\n'))
    assert config.cameras == {"door-1": "rtsp://a", "back_door": "0"}


def test_whole_numbers_will_do_where_fractions_may_stand() -> None:
    assert load(written("[capture]\nrate_hz = 25\n")).capture.rate_hz == 25.0


def test_settings_survive_their_way_to_other_processes() -> None:
    config = load()
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config


# ---- what is wrong in a file


def test_an_unknown_key_names_the_nearest() -> None:
    assert complaint("[run]\ndetect_evry = 3\n") == "mine.toml: unknown key run.detect_evry; did you mean detect_every?"


def test_an_unknown_section_names_the_nearest() -> None:
    assert complaint("[captur]\nwidth_px = 640\n") == "mine.toml: unknown section [captur]; did you mean capture?"


def test_what_resembles_nothing_names_what_there_is() -> None:
    assert (
        complaint("[infer]\nzzz = 3\n") == "mine.toml: unknown key infer.zzz; there are threads, gpu, batches, fallback"
    )


def test_a_key_outside_of_a_section_is_told_apart() -> None:
    assert "unknown section [flip]" in complaint("flip = true\n")
    assert complaint("run = 5\n") == "mine.toml: run is a section; write [run] and its keys below it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[run]\ndetect_every = 0", "run.detect_every = 0: expected int >= 1"),
        ("[run]\nmax_people = 101", "run.max_people = 101: expected int <= 100"),
        ("[run]\nmax_people = 1.5", "run.max_people = 1.5: expected int, got float"),
        ("[run]\nflip = 1", "run.flip = 1: expected bool, got int"),
        ("[run]\nscales = []", "run.scales = []: expected 1 to 8 numbers of 0.5 to 2, such as [0.8, 1.0, 1.2]"),
        (
            "[run]\nscales = [1.0, 9]",
            "run.scales = [1.0, 9]: expected 1 to 8 numbers of 0.5 to 2, such as [0.8, 1.0, 1.2]",
        ),
        ("[run]\nmodel = 5", "run.model = 5: expected str, got int"),
        ("[run]\nmodel = [1]", "run.model = [1]: expected str, got array"),
        ('[run]\ndevice = "gpu"', "run.device = 'gpu': expected auto or tensorrt or torch or cpu or openvino or onnx"),
        ("[capture]\nrate_hz = nan", "capture.rate_hz = nan: expected float >= 1.0"),
        ("[capture]\nrate_hz = inf", "capture.rate_hz = inf: expected float <= 480.0"),
        ('[capture]\nencoding = "JPEG2000"', "capture.encoding = 'JPEG2000': expected four letters, such as MJPG"),
        ('[publish]\nendpoint = "5556"', "publish.endpoint = '5556': expected tcp://HOST:PORT or ipc://FILE"),
        ('[page]\naddress = "localhost"', "page.address = 'localhost': expected HOST:PORT or off"),
        ("[cameras]\ndoor = 0", "cameras.door = 0: expected a source in quotes"),
        (
            '[cameras]\n"Front Door" = "0"',
            "camera 'Front Door': a name has at most 64 characters, of a-z, 0-9, _ and -",
        ),
        ('[cameras]\nok = "0"\n"a\\n" = "1"', "camera 'a\\n': a name has at most 64 characters, of a-z, 0-9, _ and -"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_what_is_expected(text: str, expected: str) -> None:
    assert complaint(text) == f"mine.toml: {expected}"


@pytest.mark.parametrize(
    "name", [name for name in KEYS if isinstance(kind_of(name), inspect.IntType | inspect.FloatType)]
)
def test_values_are_taken_up_to_their_limits_and_not_beyond(name: str) -> None:
    kind = kind_of(name)
    assert isinstance(kind, inspect.IntType | inspect.FloatType)
    for limit, beyond in ((kind.ge, -0.001), (kind.le, 0.001)):
        if limit is not None:
            number = int if isinstance(kind, inspect.IntType) else float
            assert value_of(load(overrides={name: number(limit)}), name) == limit
            with pytest.raises(ConfigError, match=re.escape(name)):
                load(overrides={name: number(limit + beyond * 1000) if number is int else limit + beyond})


def test_a_wrong_value_on_the_command_line_is_said_to_come_from_there() -> None:
    with pytest.raises(ConfigError, match=r"^command line: run\.frames = -1: expected int >= 0$"):
        load(overrides={"run.frames": -1})


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.toml: there is no such file"):
        load(Path("nowhere.toml"))


def test_a_file_that_is_no_toml_is_named_with_the_line() -> None:
    assert re.match(r"mine\.toml: not TOML: .*line 2", complaint("[run]\nmodel = movenet\n"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"[run]\nmodel = '\xe9'\n")
    for file in (tmp_path, tmp_path / "latin.toml"):
        with pytest.raises(ConfigError, match=f"^{re.escape(str(file))}: cannot be read"):
            load(file)
