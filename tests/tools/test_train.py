"""`python -m tools.train`: from random weights to knowing a handful of images by heart, and on after a kill."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from posestream.engines.architectures import NAMES, reduced
from posestream.engines.architectures.pose_network import Network
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.zoo.checkpoints.loading import load
from posestream.engines.zoo.checkpoints.reading import read
from tools.train import network_form, samples, score, stick_figures
from tools.train.checkpoints import Checkpoints
from tools.train.recipes import recipe_for
from tools.train.samples import Sample
from tools.train.train_command import main
from tools.train.training import Settings, Trained, train

REPOSITORY = Path(__file__).parents[2]
SMALL = ["--architecture", "rtmpose", "--reduced", "--synthetic", "--people", "3", "--size", "64x64"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Sums of several threads may differ in their last bits."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run."""
    folder = tmp_path_factory.mktemp("learnt")
    arguments = ["--architecture", "rtmpose", "--reduced", "--synthetic", "--people", "3", "--steps", "100"]
    assert main([*arguments, "--output", str(folder)]) == 0
    return folder


def report_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def test_a_network_learns_a_few_people_by_heart(learnt: Path) -> None:
    report = report_of(learnt)
    assert report["loss"]["goal"] == {"bound": "min", "value": 10, "met": True}
    assert report["pck@0.2"]["goal"] == {"bound": "min", "value": 0.95, "met": True}
    assert report["loss"]["first"] > 10 * report["loss"]["last"]
    assert (report["people"], report["labelled_joints"], report["steps"]) == (3, 51, 100)


def test_its_weights_load_as_ours(learnt: Path) -> None:
    spec = network_form.form(network_form.published("rtmpose"), reduced("rtmpose"), (128, 96))
    network = network_form.network_of(spec)
    load(network, read(learnt / "weights.pt"), [], "rtmpose-t")
    kept = torch.load(learnt / "weights.pt", weights_only=True)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in network.named_parameters())


@pytest.mark.parametrize("architecture", NAMES)
def test_every_network_has_a_recipe(architecture: str) -> None:
    for variant in NAMES[architecture]:
        assert recipe_for(architecture, variant).steps > 0


def small_training(steps: int) -> tuple[Network, list[Sample], Settings]:
    """What the command makes of SMALL, without a command."""
    spec = network_form.form(network_form.published("rtmpose"), reduced("rtmpose"), (64, 64))
    shown = samples.make(spec, stick_figures.draw(3, seed=0))
    assert spec.architecture is not None
    options = dict(spec.architecture.options)
    settings = Settings("rtmpose", "t", options, (64, 64), "drawn figures", 3, steps, 3, 1e-3, "", 0, "auto")
    torch.manual_seed(0)
    return network_form.network_of(spec), shown, settings


def small_trained(folder: Path, steps: int) -> tuple[Trained, dict[str, torch.Tensor]]:
    network, shown, settings = small_training(steps)
    trained = train(network, shown, settings, folder, save_every=5)
    return trained, network.state_dict()


class CutShortError(Exception):
    """In place of a kill."""


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of 40 steps that broke off after 17."""
    folder = tmp_path_factory.mktemp("cut_short")

    def break_off(self: Checkpoints, trainer: pl.Trainer, *rest: Any) -> None:
        save(self, trainer, *rest)
        if trainer.global_step == 17:
            raise CutShortError

    save = Checkpoints.on_train_batch_end
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CutShortError):
        patch.setattr(Checkpoints, "on_train_batch_end", break_off)
        small_trained(folder, 40)
    return folder


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, dict[str, torch.Tensor]]:
    """The same training, never cut short."""
    return small_trained(tmp_path_factory.mktemp("through"), 40)


def test_a_training_that_was_cut_short_is_not_overwritten(cut_short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--steps", "40", "--output", str(cut_short)]) == 2
    assert "15 of 40 steps done: go on with --resume" in capsys.readouterr().err


def test_a_training_goes_on_only_with_the_same_settings(cut_short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--steps", "40", "--lr", "0.5", "--output", str(cut_short), "--resume"]) == 2
    assert "of a training with lr = 0.001, not 0.5" in capsys.readouterr().err


def expect_the_same(
    found: tuple[Trained, dict[str, torch.Tensor]], wanted: tuple[Trained, dict[str, torch.Tensor]]
) -> None:
    assert len(found[0].losses) == 40
    assert found[0].losses == wanted[0].losses
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in wanted[1].items())


def test_a_training_that_goes_on_ends_as_if_it_had_not_been_cut_short(
    cut_short: Path, tmp_path: Path, through: tuple[Trained, dict[str, torch.Tensor]]
) -> None:
    shutil.copy(cut_short / "training.ckpt", tmp_path)
    expect_the_same(small_trained(tmp_path, 40), through)


STOPS_ITSELF = """
import os, signal, sys
from tools.train.checkpoints import Checkpoints
from tools.train.train_command import main

save = Checkpoints.on_train_batch_end

def stop_at_17(self, trainer, *rest):
    save(self, trainer, *rest)
    if trainer.global_step == 17:
        os.kill(os.getpid(), signal.SIGSTOP)

Checkpoints.on_train_batch_end = stop_at_17
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_process_that_was_killed_leaves_a_training_to_go_on_with(
    tmp_path: Path, through: tuple[Trained, dict[str, torch.Tensor]]
) -> None:
    arguments = [*SMALL, "--steps", "40", "--save-every", "5", "--output", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", STOPS_ITSELF, *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment) as running:
        assert os.WIFSTOPPED(os.waitpid(running.pid, os.WUNTRACED)[1])
        running.kill()
    assert torch.load(tmp_path / "training.ckpt", weights_only=True)["global_step"] == 15
    expect_the_same(small_trained(tmp_path, 40), through)


def test_batches_go_through_all_samples_before_one_comes_again() -> None:
    from tools.train.training import _Batches

    _, shown, settings = small_training(steps=6)
    batches = _Batches(shown, replace(settings, batch=2))
    indices = [i for step in range(6) for i in batches._which(step)]
    assert [sorted(indices[i : i + 3]) for i in range(0, 12, 3)] == [[0, 1, 2]] * 4
    assert len({tuple(indices[i : i + 3]) for i in range(0, 12, 3)}) > 1  # in another order


def drawn_sample() -> Sample:
    return Sample(np.zeros((3, 64, 64), np.float32), (), stick_figures.draw(2, seed=0)[0].people, Region(0, 0, 64, 64))


def test_a_joint_is_right_within_a_fifth_of_the_torso() -> None:
    truth = drawn_sample().people
    ends = truth.keypoints[0, [COCO17.joints.index("left shoulder"), COCO17.joints.index("right hip")]]
    torso = float(np.linalg.norm(ends[0] - ends[1]))
    for part, right in ((0.19, True), (0.21, False)):
        moved = replace_keypoints(truth, truth.keypoints + np.array([part * torso, 0], np.float32))
        assert score._hits(moved, truth, COCO17).all() == right
        assert score._hits(moved, truth, COCO17).any() == right


def test_a_joint_that_was_not_found_is_wrong() -> None:
    truth = drawn_sample().people
    lost = Poses(truth.keypoints, np.zeros_like(truth.keypoint_scores), truth.boxes_xyxy, truth.scores)
    assert not score._hits(lost, truth, COCO17).any()


def test_without_a_labelled_torso_half_the_box_is_the_measure() -> None:
    truth = drawn_sample().people
    truth.keypoint_scores[:, COCO17.joints.index("right hip")] = 0
    side = (truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]).max(axis=1)
    assert score._torsos(truth, COCO17) == pytest.approx(side / 2)


def replace_keypoints(poses: Poses, keypoints: np.ndarray[Any, np.dtype[np.float32]]) -> Poses:
    return Poses(keypoints.astype(np.float32), poses.keypoint_scores, poses.boxes_xyxy, poses.scores)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--architecture", "rtmpose", "--variant", "x", "--synthetic"], "rtmpose has no variant 'x'"),
        (["--architecture", "rtmpose", "--size", "100x64", "--synthetic"], "both must be multiples of 32"),
        (["--architecture", "rtmpose", "--set", "depth=3", "--synthetic"], "unexpected keyword argument 'depth'"),
        (["--model", "movenet-lightning", "--synthetic"], "no network of the literature"),
        (["--model", "rtmposee-t", "--synthetic"], "did you mean 'rtmpose-t'"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--output", str(tmp_path)]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_a_run_needs_images_or_drawn_figures(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--architecture", "rtmpose", "--images", "somewhere"])
    assert "give --images and --annotations, or --synthetic" in capsys.readouterr().err
