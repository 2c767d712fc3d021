"""HRNet, MIT: maps of the published networks, with the heads of COCO and MPII. Needs torch and yacs."""

import importlib
import sys

from tests.engines.architectures.parity.recording import checkout, record

REPOSITORY = "https://github.com/leoxiaobin/deep-high-resolution-net.pytorch"
EXPERIMENTS = {
    "hrnet-w32": "coco/hrnet/w32_256x192_adam_lr1e-3",
    "hrnet-w48": "coco/hrnet/w48_256x192_adam_lr1e-3",
    "hrnet-w32-mpii": "mpii/hrnet/w32_256x256_adam_lr1e-3",
}

if __name__ == "__main__":
    path, reference = checkout(REPOSITORY)
    sys.path.insert(0, str(path / "lib"))
    models = importlib.import_module("models.pose_hrnet")
    config = importlib.import_module("yacs.config")
    for name, experiment in EXPERIMENTS.items():
        text = (path / "experiments" / f"{experiment}.yaml").read_text()
        network = models.get_pose_net(config.CfgNode.load_cfg(text), is_train=False)
        forward = network.forward
        network.forward = lambda images, forward=forward: (forward(images),)
        record(name, f"lib/models/pose_hrnet.py of {reference}", network, (2, 3, 64, 96))
