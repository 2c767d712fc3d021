"""HigherHRNet, MIT: the people that its own decoder finds in drawn maps. Needs torch, yacs and munkres.

PYTHONPATH=. python -m tests.engines.codecs.parity.record_tags CHECKOUT
"""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posestream.engines.skeletons import COCO17
from tests.engines.architectures.parity.record_higherhrnet import EXPERIMENTS, REPOSITORY
from tests.engines.architectures.parity.recording import checkout
from tests.engines.codecs.parity.tagged import SEEDS, SIZE_HW, maps


def main() -> None:
    """Without its flip test: one pass over maps in place of the network's."""
    path, reference = checkout(REPOSITORY)
    sys.path.insert(0, str(path / "lib"))
    sizes: Any = ModuleType("dataset.transforms")  # all that the decoder needs of its data pipeline
    sizes.FLIP_CONFIG = {"COCO": COCO17.mirror.tolist()}
    sys.modules["dataset.transforms"] = sizes
    config = importlib.import_module("config").cfg.clone()
    config.merge_from_file(str(path / f"experiments/coco/higher_hrnet/{EXPERIMENTS['higherhrnet-w32']}.yaml"))
    config.TEST.FLIP_TEST = False
    inference = importlib.import_module("core.inference")
    parser = importlib.import_module("core.group").HeatmapParser(config)
    found: dict[str, Any] = {}
    for scene in range(len(SEEDS)):
        outputs = [torch.from_numpy(one)[None] for one in maps(scene)]

        def network(_image: Tensor, outputs: list[Tensor] = outputs) -> list[Tensor]:
            return outputs

        _, heat, tags = inference.get_multi_stage_outputs(config, network, None, False, True, SIZE_HW[::-1])
        heat, tags = inference.aggregate_results(config, 1, None, [], heat, tags)
        people, scores = parser.parse(heat, torch.cat(tags, dim=4), config.TEST.ADJUST, config.TEST.REFINE)
        found |= {f"people_{scene}": people[0][..., :3], f"scores_{scene}": np.array(scores, np.float32)}
    about = {"reference": f"lib/core/group.py, lib/core/inference.py of {reference}"}
    np.savez_compressed(Path(__file__).with_name("tags.npz"), about=np.array(json.dumps(about)), **found)


if __name__ == "__main__":
    main()
