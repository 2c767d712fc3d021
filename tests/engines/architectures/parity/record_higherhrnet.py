"""HigherHRNet, MIT: both outputs of the published networks. Needs torch and yacs."""

import importlib
import sys

from tests.engines.architectures.parity.recording import checkout, record

REPOSITORY = "https://github.com/HRNet/HigherHRNet-Human-Pose-Estimation"
EXPERIMENTS = {"higherhrnet-w32": "w32_512_adam_lr1e-3", "higherhrnet-w48": "w48_640_adam_lr1e-3"}

if __name__ == "__main__":
    path, reference = checkout(REPOSITORY)
    sys.path.insert(0, str(path / "lib"))
    config = importlib.import_module("config").cfg
    models = importlib.import_module("models.pose_higher_hrnet")
    for name, experiment in EXPERIMENTS.items():
        published = config.clone()
        published.merge_from_file(str(path / "experiments" / "coco" / "higher_hrnet" / f"{experiment}.yaml"))
        network = models.get_pose_net(published, is_train=False)
        record(name, f"lib/models/pose_higher_hrnet.py of {reference}", network, (2, 3, 64, 128))
