"""Short names of settings: flags of `posestream run`, keywords of `run`, `track` and `PoseEstimator`."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, get_type_hints

from posestream.stream import config
from posestream.stream.errors import ConfigError


class ModelKeywords(TypedDict, total=False):
    """Keywords of a run whose model is given apart; `settings` takes all other settings, as in config.toml."""

    detector: str
    weights: str
    random_weights: bool
    precision: Literal["fp32", "fp16", "int8"]
    device: Literal["auto", "tensorrt", "torch", "cpu", "openvino", "onnx"]
    detect_every: int
    refine: bool
    flip: bool
    frames: int
    realtime: bool
    fail_fast: bool
    page: str
    publish: str
    settings: Mapping[str, Any]
    """By "section.key"."""


class Keywords(ModelKeywords, total=False):
    """All keywords."""

    model: str


KNOWN = tuple(get_type_hints(Keywords))
NAMES: Mapping[str, str] = {
    **{name: f"run.{name}" for name in KNOWN},
    "page": "page.address",
    "publish": "publish.endpoint",
}
"""Short name -> "section.key"."""


def settings_of(keywords: Mapping[str, Any], file: Path | str | None = None) -> config.Config:
    """The settings of a program: packaged, then `file`, then the keywords. The working directory is not read.

    Raises ConfigError where a keyword or setting is unknown, or a value is out of its range.
    """
    settings = dict(keywords.get("settings", {}))
    for name, value in keywords.items():
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(KNOWN)}"
            raise ConfigError(f"unknown keyword {name}; {hint}")
        if name != "settings":
            settings[NAMES[name]] = value
    loaded = config.load(None if file is None else Path(file), settings, asked_by="settings")
    return config.unfiltered(loaded) if loaded.run.random_weights else loaded
