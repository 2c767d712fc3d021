"""Files get into the cache whole, checked and once, or not at all."""

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from posestream.engines.exceptions import FetchError, WrongWeightsError
from posestream.engines.spec import SourceFile, WeightsSource
from posestream.engines.zoo.download.fetch import adopt, fetch_source, is_cached
from posestream.engines.zoo.store import cache
from tests.engines.zoo.web import serving

CONTENT = b"weights" * 1000


def _file(path: str, content: bytes = CONTENT) -> SourceFile:
    return SourceFile(path, hashlib.sha256(content).hexdigest())


def _at(url: str) -> WeightsSource:
    return WeightsSource(kind="url", format="as-is", files=(_file("net.onnx"),), url=url)


LOCAL = WeightsSource(kind="file", format="as-is", files=(_file("net.json", b"{}"), _file("net.bin")))


def _left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"POSESTREAM_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/posestream"),
        ({"HOME": "/c"}, "/c/.cache/posestream"),
    ],
)
def test_cache_is_where_the_environment_says(
    settings: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POSESTREAM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cache.directory() == Path(wanted)


def test_url_is_fetched_once_and_then_cached(empty_cache: Path) -> None:
    lines: list[str] = []
    with serving({"/net.onnx": CONTENT}) as site:
        source = _at(f"{site.url}/net.onnx")
        (path,) = fetch_source(source, lines.append)
        assert path.read_bytes() == CONTENT
        assert fetch_source(source, lines.append) == (path,)
    assert site.asked == {"/net.onnx": 1}
    assert lines == [f"fetching {source.url}"]
    assert is_cached(source)


def test_damaged_file_in_the_cache_is_fetched_again(empty_cache: Path) -> None:
    with serving({"/net.onnx": CONTENT}) as site:
        source = _at(f"{site.url}/net.onnx")
        (path,) = fetch_source(source)
        path.write_bytes(CONTENT[:-1])
        assert not is_cached(source)
        assert fetch_source(source)[0].read_bytes() == CONTENT


@pytest.mark.parametrize("served", [b"something else", CONTENT[:-1]], ids=["another file", "a truncated file"])
def test_other_content_is_refused_and_not_kept(served: bytes, empty_cache: Path) -> None:
    with serving({"/net.onnx": served}) as site, pytest.raises(WrongWeightsError) as caught:
        fetch_source(_at(f"{site.url}/net.onnx"))
    message = str(caught.value)
    assert hashlib.sha256(served).hexdigest() in message
    assert hashlib.sha256(CONTENT).hexdigest() in message
    assert "net.onnx" in message
    assert "check your mirror" in message
    assert "\n" not in message
    assert _left_in(empty_cache) == []


def test_missing_page_and_unreachable_host_say_what_to_do(empty_cache: Path) -> None:
    with serving({}) as site, pytest.raises(FetchError, match=r"404.*check the network, or give your copy with"):
        fetch_source(_at(f"{site.url}/net.onnx"))
    with pytest.raises(FetchError, match=r"refused.*check the network, or give your copy with"):
        fetch_source(_at(f"{site.url}/net.onnx"))  # the server is gone
    assert _left_in(empty_cache) == []


def test_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path / "file"))
    with pytest.raises(FetchError, match="set POSESTREAM_CACHE to another folder"):
        fetch_source(LOCAL)


def test_two_processes_at_once_fetch_once(empty_cache: Path) -> None:
    script = (
        "import sys\n"
        "from tests.engines.zoo.test_fetch import _at\n"
        "from posestream.engines.zoo.download.fetch import fetch_source\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(len(fetch_source(_at(sys.argv[1]))[0].read_bytes()))\n"
    )
    with serving({"/net.onnx": CONTENT}) as site:
        command = [sys.executable, "-c", script, f"{site.url}/net.onnx"]
        both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        answers = [process.communicate("go\n")[0] for process in both]
    assert answers == [f"{len(CONTENT)}\n"] * 2
    assert site.asked == {"/net.onnx": 1}


def test_leftovers_of_a_killed_process_are_deleted(empty_cache: Path) -> None:
    with serving({"/net.onnx": CONTENT}) as site:
        source = _at(f"{site.url}/net.onnx")
        folder = cache.source_directory(source)
        stale = folder.with_name(f"{folder.name}.part-killed")
        stale.mkdir(parents=True)
        (stale / "archive").write_bytes(b"half")
        fetch_source(source)
    assert not stale.exists()


def test_users_folder_and_archive_are_taken(empty_cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "net.json").write_bytes(b"{}")
    (folder / "net.bin").write_bytes(CONTENT)
    assert [path.read_bytes() for path in adopt(LOCAL, folder)] == [b"{}", CONTENT]
    archive = tmp_path / "mine.tgz"
    with tarfile.open(archive, "w:gz") as package:
        package.add(folder, "package")
    for path in fetch_source(LOCAL):
        path.unlink()
    assert [path.read_bytes() for path in adopt(LOCAL, archive)] == [b"{}", CONTENT]


def test_users_wrong_file_is_refused(empty_cache: Path, tmp_path: Path) -> None:
    given = tmp_path / "other.onnx"
    given.write_bytes(b"other")
    with pytest.raises(WrongWeightsError, match=r"other\.onnx is not what was published"):
        adopt(_at("http://localhost"), given)
    with pytest.raises(FetchError, match="several files"):
        adopt(LOCAL, given)
    with pytest.raises(FetchError, match="no such file"):
        adopt(LOCAL, tmp_path / "nothing")
    with pytest.raises(FetchError, match=r"has no net\.json"):
        adopt(LOCAL, tmp_path)
    assert _left_in(empty_cache) == []


def test_truncated_archive_is_refused(empty_cache: Path, tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as package:
        for file in LOCAL.files:
            package.addfile(tarfile.TarInfo(f"package/{file.path}"), io.BytesIO())
    archive = tmp_path / "cut.tgz"
    archive.write_bytes(whole.getvalue()[:40])
    with pytest.raises(FetchError, match="cannot be unpacked"):
        adopt(LOCAL, archive)
    assert _left_in(empty_cache) == []


def test_what_only_the_user_has_is_asked_for(empty_cache: Path) -> None:
    with pytest.raises(FetchError, match=r"net\.json, net\.bin: not published: give your copy with"):
        fetch_source(LOCAL)
