"""A PEP 517 build backend that builds nothing: it only states an sdist's name and version.

`pip download` fetches an sdist, then asks the sdist's build backend for its metadata, for its dependencies, even with
--no-deps. By PEP 517 an sdist without pyproject.toml has the backend `setuptools.build_meta`, which runs its setup.py.
Old ones fail at that, as they import what is not installed; and no package's code should run for the sake of data.

So `registries` puts a copy of this module first on pip's path, as `setuptools/build_meta.py`, and passes name and
version by environment variables. pip checks the archive's sha256 before it calls any backend.
"""

import os
import sys
from pathlib import Path

NAME, VERSION = "POSESTREAM_SDIST_NAME", "POSESTREAM_SDIST_VERSION"


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:  # noqa: ARG001
    """A hook of PEP 517: the packages that the build needs."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:  # noqa: ARG001
    """A hook of PEP 517: makes the folder .dist-info, and returns its name."""
    name, version = os.environ[NAME], os.environ[VERSION]
    info = Path(metadata_directory, f"{name.replace('-', '_')}-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return info.name


__legacy__ = sys.modules[__name__]  # pip calls `setuptools.build_meta:__legacy__` where pyproject.toml is absent
