"""Fetches the files of a source into the cache: from a registry, from a URL, or from the user."""

import http.client
import shutil
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from posestream.engines.exceptions import FetchError, WrongWeightsError
from posestream.engines.progress import ProgressLine, no_progress
from posestream.engines.spec import SourceFile, WeightsSource
from posestream.engines.zoo.download import archives
from posestream.engines.zoo.download.registries import download
from posestream.engines.zoo.store import cache

URL_TIMEOUT_S = 30
OR_GIVE_IT = "give your copy with `posestream models get NAME --weights FILE`"


def fetch_source(
    source: WeightsSource, progress: ProgressLine = no_progress, together: Iterable[SourceFile] = ()
) -> tuple[Path, ...]:
    """The files of `source` in the cache, fetched where one is missing or damaged, each with the sha256 of its entry.

    `together` are files of the same package to fetch along with them, for other models. Of two processes one fetches,
    the other waits. Raises FetchError where a file is unavailable, WrongWeightsError where its sha256 differs.
    """
    folder = cache.source_directory(source)
    paths = tuple(folder / file.path for file in source.files)
    with cache.writing(), _lock(folder):
        if _missing(source.files, folder):
            _fetch(source, _missing({*source.files, *together}, folder), folder, progress)
    return paths


def adopt(source: WeightsSource, given: Path) -> tuple[Path, ...]:
    """Copies the files of `source` into the cache from `given`: the file, a folder with them, or the package's archive.

    Raises FetchError where one is missing there, WrongWeightsError where its sha256 differs.
    """
    if not given.exists():
        raise FetchError(f"{given}: no such file: give the weights, a folder with them, or the package's archive")
    folder = cache.source_directory(source)
    with cache.writing(), _lock(folder), _scratch_folder(folder) as scratch:
        if given.is_dir():
            _copy_from_folder(source, given, scratch)
        elif given.name.endswith((".tgz", ".tar.gz", ".whl", ".zip")):
            archives.extract(given, [file.path for file in source.files], scratch)
        elif len(source.files) == 1:
            _copy(given, scratch / source.files[0].path)
        else:
            names = ", ".join(Path(file.path).name for file in source.files)
            raise FetchError(f"{given}: the weights are several files ({names}): give the folder that has them")
        _check_and_move(source.files, scratch, folder, f"{given} is not what was published: give the right one")
    return tuple(folder / file.path for file in source.files)


def is_cached(source: WeightsSource) -> bool:
    """True where all files of `source` are in the cache and intact."""
    return not _missing(source.files, cache.source_directory(source))


def _missing(files: Iterable[SourceFile], folder: Path) -> list[SourceFile]:
    return [file for file in files if not cache.is_good(folder / file.path, file)]


def _lock(folder: Path) -> AbstractContextManager[None]:
    return cache.lock(str(folder.relative_to(cache.directory())))


@contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`, on the same file system, deleted at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{folder.name}.part-", dir=folder.parent) as name:
        yield Path(name)


def _fetch(source: WeightsSource, wanted: Sequence[SourceFile], folder: Path, progress: ProgressLine) -> None:
    for stale in folder.parent.glob(f"{folder.name}.part-*"):  # left by killed processes: this one holds the lock
        shutil.rmtree(stale, ignore_errors=True)
    with _scratch_folder(folder) as scratch:
        if source.kind == "file":
            names = ", ".join(file.path for file in source.files)
            raise FetchError(f"{names}: not published: {OR_GIVE_IT}")
        if source.kind == "url":
            _download_url(source, scratch, progress)
        else:
            (scratch / "archive").mkdir()
            archive = download(source, scratch / "archive", progress)
            archives.extract(archive, [file.path for file in wanted], scratch)
        advice = f"{source.package or source.url} served another file than was published: check your mirror or proxy"
        _check_and_move(wanted, scratch, folder, advice)


def _download_url(source: WeightsSource, scratch: Path, progress: ProgressLine) -> None:
    progress(f"fetching {source.url}")
    try:
        with (
            urllib.request.urlopen(source.url, timeout=URL_TIMEOUT_S) as response,
            (scratch / source.files[0].path).open("wb") as out,
        ):
            shutil.copyfileobj(response, out)
    except (OSError, http.client.HTTPException) as e:
        raise FetchError(f"cannot get {source.url}: {e}: check the network, or {OR_GIVE_IT}") from e


def _copy_from_folder(source: WeightsSource, given: Path, scratch: Path) -> None:
    for file in source.files:
        candidates = [given / file.path, given / Path(file.path).name]
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            raise FetchError(f"{given}: has no {Path(file.path).name}: give the folder that has all files of the model")
        _copy(found, scratch / file.path)


def _copy(given: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(given, target)


def _check_and_move(files: Sequence[SourceFile], scratch: Path, folder: Path, advice: str) -> None:
    """Moves the files into the cache. Raises WrongWeightsError, and moves none, where one has another sha256."""
    for file in files:
        got = cache.sha256_of(scratch / file.path)
        if got != file.sha256:
            raise WrongWeightsError(f"{file.path}: expected sha256 {file.sha256}, got {got}: {advice}")
    for file in files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / file.path).replace(folder / file.path)
