"""The networks are as exact through a whole run as their prototypes were outside of it, and the best is better."""

import itertools
from pathlib import Path

import pytest
from rich.console import Console

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.stream import config
from posestream.stream.run.planning import plan_for
from tools.datasets import DatasetError, readers
from tools.evaluate.live_run import figures, table
from tools.evaluate.run_list import RUNS, alone
from tools.evaluate.stream import Options

COCO = Path(__file__).parents[4] / "shared" / "data" / "coco_mini"
PROTOTYPES = {
    "NanoDet + Lightning (default)": 0.361,
    "NanoDet + Thunder": 0.442,
    "FastestDet + Thunder": 0.407,
    "MoveNet MultiPose": 0.313,
    "OpenPose MobileNet-thin": 0.271,
}
"""AP on the same images of simple prototypes: one pass, a square crop of 1.25 times the box, no flip test."""

needs_images = pytest.mark.skipif(not COCO.is_dir(), reason="the COCO images for tests are not beside the repository")


def weights_of(options: Options) -> None:
    """Skips where a network of the run cannot be had."""
    names = {option[2:]: value for option, value in itertools.pairwise(options.flags) if option.startswith("--")}
    try:
        for network in plan_for(config.load(None, {f"run.{key}": name for key, name in names.items()})).networks:
            onnx_path(network)
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, float]]:
    for name in PROTOTYPES:
        weights_of(RUNS[name])
    truth = readers.read("coco", COCO / "person_keypoints_val2017.json")
    scored = {name: figures(truth, COCO / "val2017", options) for name, options in RUNS.items() if name in PROTOTYPES}
    Console().print(table(scored))
    return scored


@needs_images
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PROTOTYPES)
def test_a_run_is_at_least_as_exact_as_the_prototype(rows: dict[str, dict[str, float]], name: str) -> None:
    assert rows[name]["AP"] >= PROTOTYPES[name]


@needs_images
@pytest.mark.timeout(900)
def test_the_best_run_beats_the_best_prototype_by_three_points(rows: dict[str, dict[str, float]]) -> None:
    assert max(row["AP"] for row in rows.values()) >= PROTOTYPES["NanoDet + Thunder"] + 0.03


def test_one_model_can_be_scored_with_the_users_weights(tmp_path: Path) -> None:
    mine = tmp_path / "mine.pth"
    assert alone("hrnet", mine).flags == ("--model", "hrnet-w32", "--weights", str(mine))


def test_models_without_cocos_joints_have_no_score_on_coco() -> None:
    with pytest.raises(DatasetError, match="hourglass-s1 does not pose the 17 joints"):
        alone("hourglass", None)
