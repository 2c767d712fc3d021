"""Where compiled networks are kept between runs."""

from pathlib import Path

from engines.zoo.cache import cache_dir


def compiled_dir() -> Path:
    """The folder in which a runtime may keep what it compiled; made if absent."""
    folder = cache_dir() / "compiled"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
