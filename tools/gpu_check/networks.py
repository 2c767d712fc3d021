"""The files that the check needs: fetched or made once, before what needs them; what failed is not tried again."""

import time

from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.photographs import photographs
from tools.gpu_check import weights
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import Findings
from tools.gpu_check.people import crops, people_of
from tools.gpu_check.unit import Unit


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """The photographs, or a network's weights. Raises WeightsError, NotMeasuredError."""
    began_s = time.monotonic()
    if not unit.network:
        photographs()
        found.row({"file": "the demo's photographs", "weights": None, "s": time.monotonic() - began_s})
        return
    spec = find(unit.network)
    if spec.fetched:
        weights.fetched(unit.network)
        kind = "trained"
    else:
        has = weights.made(unit.network, lambda: crops(spec, people_of(bench))[0])
        kind = "trained" if has.trained else "random, normalised"
        if not has.trained:
            found.note(
                f"{unit.network} has random weights, as fast as trained ones; {weights.ADVICE}".format(spec.name)
            )
    found.row({"file": unit.network, "weights": kind, "s": time.monotonic() - began_s})
