"""Lightweight OpenPose, Apache-2.0: the people that its own decoder finds in drawn maps.

PYTHONPATH=. python -m tests.engines.codecs.parity.record_fields CHECKOUT
"""

import importlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.engines.architectures.parity.record_openpose import REPOSITORY
from tests.engines.architectures.parity.recording import checkout
from tests.engines.codecs.parity.fields import SEEDS, maps

UPSAMPLE = 4  # of its demonstration


def main() -> None:
    """Records people (P, 18, 3): x, y in pixels of the upsampled maps, and 1 for a joint that was found."""
    _, reference = checkout(REPOSITORY)
    keypoints = importlib.import_module("modules.keypoints")
    found: dict[str, Any] = {}
    for seed in SEEDS:
        enlarged = cv2.resize(maps(seed), None, fx=UPSAMPLE, fy=UPSAMPLE, interpolation=cv2.INTER_CUBIC)
        by_type: list[Any] = []
        total = 0
        for joint in range(18):
            total += keypoints.extract_keypoints(enlarged[..., joint].copy(), by_type, total)
        entries, joints = keypoints.group_keypoints(by_type, enlarged[..., 19:])
        people = np.zeros((len(entries), 18, 3), np.float32)
        for person, entry in zip(people, entries, strict=True):
            there = entry[:18] >= 0
            person[there, :2], person[there, 2] = joints[entry[:18][there].astype(int), :2], 1
        found[f"people_{seed}"] = people
    about = {"reference": f"modules/keypoints.py of {reference}"}
    np.savez_compressed(Path(__file__).with_name("fields.npz"), about=np.array(json.dumps(about)), **found)


if __name__ == "__main__":
    main()
