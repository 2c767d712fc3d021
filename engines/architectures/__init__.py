"""The networks of the literature in torch, one file each, in their published form.

`create` builds one with random weights. Importing this package imports no torch; the networks need the extra [torch].
"""

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posestream.engines.architectures.pose_network import Network

NAMES: Mapping[str, tuple[str, ...]] = {
    "jain2014": ("default",),
    "cpm": ("lsp", "flic", "vgg"),
    "deepercut": ("r101", "r152"),
    "hourglass": ("s1", "s2", "s8"),
    "attention": ("default",),
    "pyranet": ("a", "b", "c", "d"),
    "rmpe": ("sstn", "fastpose-r50", "fastpose-r152"),
    "hrnet": ("w32", "w48"),
    "higherhrnet": ("w32", "w48"),
    "openpose": ("default",),
    "rtmpose": ("t", "s", "m", "l"),
}
"""The variants of each network."""

_DEFAULTS: Mapping[str, str] = {"pyranet": "b"}  # else the first variant


class ArchitectureError(ValueError):
    """An unknown network, variant or option, or images of an unsupported shape; the message names the alternatives."""


def default_variant(name: str) -> str:
    """The variant of a name without one. Raises ArchitectureError where the name is unknown."""
    return _DEFAULTS.get(name) or _known(name)[0]


def create(name: str, variant: str | None = None, **options: Any) -> "Network":
    """A network with random weights, in the published form of its variant (or default variant), changed by `options`.

    All networks have the option `joints`; the others are those of `build` in the network's file. Raises
    ArchitectureError where the name, variant or an option is unknown or the options do not fit together, ImportError
    where torch is not installed.
    """
    variant = variant or default_variant(name)
    if variant not in _known(name):
        raise ArchitectureError(f"{name} has no variant {variant!r}: it has {', '.join(_known(name))}")
    for option, value in options.items():
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            raise ArchitectureError(f"{name}: {option} = {value}: it must be 1 or more")
    build = import_module(f"posestream.engines.architectures.{name}").build
    try:
        network: Network = build(variant, **options)
    except TypeError as error:
        raise ArchitectureError(f"{name}-{variant}: {error}: see `build` in engines/architectures/{name}.py") from error
    return network


def reduced(name: str, variant: str | None = None) -> Mapping[str, Any]:
    """The options of a variant's (or the default variant's) small form, which trains in minutes on a CPU."""
    variant = variant or default_variant(name)
    options: Mapping[str, Any] = import_module(f"posestream.engines.architectures.{name}").REDUCED
    of_variant: Mapping[str, Any] = options.get(variant, options)
    return of_variant


def _known(name: str) -> tuple[str, ...]:
    if name not in NAMES:
        nearest = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(NAMES)}"
        raise ArchitectureError(f"unknown architecture {name!r}: {hint}")
    return NAMES[name]
