"""A unit of the check: what is measured in one process, under one limit of time."""

from dataclasses import dataclass

from posestream.engines.backends.load import DeviceName
from posestream.engines.zoo.precision.selection import Precision


@dataclass(frozen=True, slots=True)
class Unit:
    """Of `part`: a network on a runtime in a precision, as far as these matter to it; `case` is what else varies.

    `needs` are names of what other units must have given before, `gives` is what this one gives. `usual_s` is how long
    it takes on an H200-class machine, by which is decided whether there is time left for it.
    """

    part: str
    runtime: DeviceName = "auto"
    network: str = ""
    precision: Precision = "fp32"
    case: str = ""
    needs: tuple[str, ...] = ()
    gives: str = ""
    usual_s: float = 10.0

    @property
    def name(self) -> str:
        """For people: "movenet-thunder on tensorrt, fp16"."""
        if not self.network:
            return self.case or self.part
        where = {"auto": "", "onnx": " on the CPU"}.get(self.runtime, f" on {self.runtime}")
        precision = "" if self.runtime in {"auto", "onnx"} else f", {self.precision}"
        return f"{self.network}{where}{precision}{f', {self.case}' if self.case else ''}"
