"""Lightweight OpenPose, Apache-2.0: all outputs of the published network. Needs torch."""

import importlib

from tests.engines.architectures.parity.recording import checkout, record

REPOSITORY = "https://github.com/Daniil-Osokin/lightweight-human-pose-estimation.pytorch"

if __name__ == "__main__":
    _, reference = checkout(REPOSITORY)
    network = importlib.import_module("models.with_mobilenet").PoseEstimationWithMobileNet()
    record("openpose", f"models/with_mobilenet.py of {reference}", network, (2, 3, 64, 96))
