"""Settings: typed and checked here, with their defaults in config.toml and nowhere else.

`load` lays the user's file over the packaged one, and the command line over both.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from posestream.engines.plan import Nms
from posestream.stream.errors import ConfigError
from posestream.stream.published import Camera

Tree: TypeAlias = dict[str, Any]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class RunSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[run]: what to do with the frames."""

    model: str
    weights: str
    random_weights: bool
    detector: str
    device: Literal["auto", "tensorrt", "torch", "cpu", "openvino", "onnx"]
    precision: Literal["fp32", "fp16", "int8"]
    detect_every: Annotated[int, Meta(ge=1, le=1000)]
    refine: bool
    flip: bool
    scales: Annotated[
        tuple[Annotated[float, Meta(ge=0.5, le=2)], ...],
        Meta(min_length=1, max_length=8, description="1 to 8 numbers of 0.5 to 2, such as [0.8, 1.0, 1.2]"),
    ]
    max_people: Annotated[int, Meta(ge=1, le=100)]
    in_flight_timeout_ms: Annotated[int, Meta(ge=100, le=60000)]
    fail_fast: bool
    realtime: bool
    frames: Annotated[int, Meta(ge=0)]


class CaptureSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[capture]: what is asked of a source."""

    width_px: Annotated[int, Meta(ge=16, le=8192)]
    height_px: Annotated[int, Meta(ge=16, le=8192)]
    rate_hz: Annotated[float, Meta(ge=1, le=480)]
    encoding: Annotated[str, Meta(min_length=4, max_length=4, description="four letters, such as MJPG")]
    transport: Literal["tcp", "udp"]
    stall_timeout_s: Annotated[float, Meta(ge=0.2, le=60)]
    reconnect_backoff_s: Annotated[float, Meta(ge=0.05, le=1)]


class PreprocessSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[preprocess]."""

    device: Literal["cpu", "cuda"]
    workers: Annotated[int, Meta(ge=1, le=64)]


class PostprocessSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[postprocess]: from a network's outputs to people.

    Those scored under `score_min` are not published; nor, in images that are scenes of their own, the worse of two
    poses that are alike: by `nms` "oks" where their OKS is above `same_oks`.
    """

    workers: Annotated[int, Meta(ge=1, le=64)]
    nms: Nms
    same_oks: Share
    score_min: Share


class TrackSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[track]: who is who from frame to frame.

    A pose scored `start_score` or more may be a new person; a weaker one only continues somebody just seen. A new
    person has an id at once from `sure_score`, else after being seen in `confirm_frames` frames running. An absent
    person keeps the id for `lost_s` of capture time. `min_likeness`, 0-1, is the least likeness (mean of OKS and IoU,
    after prediction) of a person to their own last pose, `duplicate_likeness` that of two poses of one person.
    """

    start_score: Share
    sure_score: Share
    confirm_frames: Annotated[int, Meta(ge=1, le=100)]
    lost_s: Annotated[float, Meta(ge=0, le=60)]
    min_likeness: Share
    duplicate_likeness: Share


class RegionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[regions]: the crops in which people are posed.

    A detected box is enlarged `crop_scale` times for its crop, or where that is 0 as the network was trained. Boxes
    that the detector scored under `box_score`, or in images that are scenes of their own `image_box_score`, are not
    posed, and where people are followed a pose scored under `keep_score` is nobody. Joints scored `joint_score` or more
    place the crop. A detected box that overlaps a followed person's by `same_iou` or more shows that person.
    """

    crop_scale: Annotated[float, Meta(ge=0, le=3)]
    box_score: Share
    image_box_score: Annotated[float, Meta(ge=0.2, le=1)]
    keep_score: Share
    joint_score: Share
    same_iou: Share


class SmoothSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[smooth]: the One-Euro filter of every joint.

    `min_cutoff_hz` is the cutoff at rest: less is calmer and later. `beta` adds that many Hz for each body size per
    second of speed. `speed_cutoff_hz` is the cutoff of the speed's own filter. A joint scored `full_score` or more
    counts in full, below it in proportion.
    """

    enabled: bool
    min_cutoff_hz: Annotated[float, Meta(ge=0.01, le=100)]
    beta: Annotated[float, Meta(ge=0, le=100)]
    speed_cutoff_hz: Annotated[float, Meta(ge=0.01, le=100)]
    full_score: Annotated[float, Meta(ge=0.01, le=1)]


class InferSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[infer]."""

    threads: Annotated[int, Meta(ge=0, le=1024)]
    gpu: Annotated[int, Meta(ge=0, le=63)]
    batches: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=256)], ...],
        Meta(min_length=1, max_length=8, description="1 to 8 batch sizes of 1 to 256, such as [1, 4, 8, 16]"),
    ]
    fallback: bool


class PublishSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[publish]."""

    endpoint: Annotated[str, Meta(pattern="^(tcp|ipc)://.+$", description="tcp://HOST:PORT or ipc://FILE")]


class PageSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[page]."""

    address: Annotated[str, Meta(pattern="^(off|.+:[0-9]{1,5})$", description="HOST:PORT or off")]
    rate_hz: Annotated[float, Meta(ge=1, le=60)]
    width_px: Annotated[int, Meta(ge=64, le=4096)]
    quality_percent: Annotated[int, Meta(ge=1, le=100)]
    stall_timeout_s: Annotated[float, Meta(ge=0.5, le=60)]


class DrawSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[draw]: how people look on the page and in video."""

    min_score: Annotated[float, Meta(ge=0, le=1)]


class SupervisorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[supervisor]: patience and the restart budget."""

    ready_timeout_s: Annotated[float, Meta(ge=1, le=3600)]
    beat_timeout_s: Annotated[float, Meta(ge=1, le=600)]
    restarts: Annotated[int, Meta(ge=0, le=1000)]
    restart_window_s: Annotated[float, Meta(ge=1, le=3600)]
    restart_refill_s: Annotated[float, Meta(ge=0.1, le=3600)]


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, a field a section of config.toml."""

    run: RunSettings
    capture: CaptureSettings
    preprocess: PreprocessSettings
    infer: InferSettings
    postprocess: PostprocessSettings
    track: TrackSettings
    regions: RegionSettings
    smooth: SmoothSettings
    publish: PublishSettings
    page: PageSettings
    draw: DrawSettings
    supervisor: SupervisorSettings
    cameras: dict[Camera, str]


FREE_SECTIONS = ("cameras",)  # their keys are the user's own
COMMAND_LINE = "command line"
USER_FILE = Path("posestream.toml")  # in the folder where a run is started


def load(
    file: Path | None = None, overrides: Mapping[str, Any] | None = None, *, asked_by: str = COMMAND_LINE
) -> Config:
    """The settings of a run: packaged, then `file`, then `overrides` by "section.key".

    Without a file the command line takes ./posestream.toml where there is one; programs, which give another name as
    `asked_by`, for messages, do not. Raises ConfigError, naming file and key, where a file is missing or no TOML, a key
    unknown or a value out of range.
    """
    packaged = _packaged()
    tree = _read(packaged)
    where = {f"{section}.{key}": str(packaged) for section, keys in tree.items() for key in keys}
    user_file = file or USER_FILE
    if file is not None or (asked_by == COMMAND_LINE and user_file.exists()):
        _lay_over(tree, _read(user_file), str(user_file), where)
    for name, value in (overrides or {}).items():
        section, _, key = name.partition(".")
        _lay_over(tree, {section: {key: value}}, asked_by, where)
    return _checked(tree, where)


def defaults() -> Config:
    """The packaged settings alone."""
    return msgspec.convert(_read(_packaged()), Config)


def unfiltered(settings: Config) -> Config:
    """The same settings, with no pose left out or hidden for a low score: scores of random weights say nothing."""
    replace = msgspec.structs.replace
    return replace(
        settings,
        postprocess=replace(settings.postprocess, score_min=0.0),
        track=replace(settings.track, start_score=0.0, sure_score=0.0),
        regions=replace(settings.regions, keep_score=0.0),
        draw=replace(settings.draw, min_score=0.0),
    )


def _packaged() -> Path:
    """config.toml as it lies in the package; in a clone that is a link to the one at its top."""
    return Path(__file__).parents[1] / "config.toml"


def _read(file: Path) -> Tree:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; --config takes a TOML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def _lay_over(tree: Tree, user: Tree, file: str, where: dict[str, str]) -> None:
    for section, keys in user.items():
        if section not in tree:
            raise ConfigError(f"{file}: unknown section [{section}]{_nearest(section, tree)}")
        if not isinstance(keys, dict):
            raise ConfigError(f"{file}: {section} is a section; write [{section}] and its keys below it")
        for key, value in keys.items():
            if key not in tree[section] and section not in FREE_SECTIONS:
                raise ConfigError(f"{file}: unknown key {section}.{key}{_nearest(key, tree[section])}")
            tree[section][key] = value
            where[f"{section}.{key}"] = file


def _nearest(name: str, known: Tree) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def _checked(tree: Tree, where: Mapping[str, str]) -> Config:
    """The settings of `tree`. Raises ConfigError, naming file, key and value, where a value is not of its type."""
    for section, values in tree.items():
        for key, value in values.items():
            if complaint := _complaint(section, key, value):
                raise ConfigError(f"{where[f'{section}.{key}']}: {complaint}")
    return msgspec.convert(tree, Config)


def _complaint(section: str, key: str, value: object) -> str:
    """What is wrong with one setting, in a line; "" if nothing is."""
    if section == "cameras":
        return _camera_complaint(key, value)
    kind = _KINDS[section][key]
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return f"{section}.{key} = {value!r}: {_expected(kind) or _in_one_line(error)}"
    return ""


_KINDS: Mapping[str, Mapping[str, Any]] = {
    section: get_type_hints(settings, include_extras=True)
    for section, settings in get_type_hints(Config).items()
    if section not in FREE_SECTIONS
}
"""Section -> key -> type, with its limits."""


def _expected(kind: Any) -> str:
    """The choices of a Literal, or a type's description; "" for the types that msgspec's own message explains."""
    if get_origin(kind) is Literal:
        return f"expected {' or '.join(get_args(kind))}"
    descriptions = [meta.description for meta in get_args(kind)[1:] if meta.description]
    return f"expected {descriptions[0]}" if descriptions else ""


def _in_one_line(error: msgspec.ValidationError) -> str:
    text = str(error).replace("`", "")
    return f"{text[0].lower()}{text[1:]}"


def _camera_complaint(name: str, source: object) -> str:
    if not isinstance(source, str):
        return f"cameras.{name} = {source!r}: expected a source in quotes"
    try:
        msgspec.convert(name, Camera)
    except msgspec.ValidationError:
        return f"camera {name!r}: a name has at most 64 characters, of a-z, 0-9, _ and -"
    return ""
