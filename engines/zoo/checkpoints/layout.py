"""The tensor names of an official checkpoint, and their mapping to ours. No torch here: data and names only."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CheckpointLayout:
    """The tensor names of one publisher's checkpoints.

    `rules` are pairs (pattern, replacement): the first regular expression that matches a whole name gives our name, by
    `re.Match.expand`, or by a function of the match where numbers change. `dropped` are patterns of tensors that the
    original has and does not use. `changed` converts a tensor, by its official name, where more than the name differs
    (axes, colour order).
    """

    publisher: str
    rules: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
    dropped: tuple[str, ...] = ()
    changed: Callable[[str, NDArray[np.float32]], NDArray[np.float32]] | None = None

    def renamed(self, names: Iterable[str]) -> Mapping[str, str]:
        """Official name -> our name, without dropped names and those that no rule matches."""
        found = {}
        for name in names:
            if not any(re.fullmatch(pattern, name) for pattern in self.dropped):
                for pattern, replacement in self.rules:
                    if match := re.fullmatch(pattern, name):
                        found[name] = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
                        break
        return found

    def drops(self, name: str) -> bool:
        """True for a tensor that the original has and does not use."""
        return any(re.fullmatch(pattern, name) for pattern in self.dropped)
