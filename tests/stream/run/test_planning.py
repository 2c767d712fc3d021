"""From settings to a plan."""

import pytest

from posestream.engines.spec import Role
from posestream.stream.config import load
from posestream.stream.errors import ConfigError
from posestream.stream.run import planning
from posestream.stream.run.weights import ignored_settings
from tests.stream.run.plans import POSES, a_camera, a_plan


def test_the_plan_follows_the_settings() -> None:
    plan = a_plan(model="movenet-thunder", detector="fastestdet", detect_every=7, refine=True, flip=True, max_people=3)
    assert (plan.pose.name, plan.detector.name if plan.detector else None) == ("movenet-thunder", "fastestdet")
    assert (plan.detect_every, plan.refine, plan.flip, plan.max_people) == (7, True, True, 3)


def test_parametric_nms_is_for_skeletons_that_it_was_learnt_for() -> None:
    settings = {"run.model": "deepercut-r101", "postprocess.nms": "parametric"}
    with pytest.raises(ConfigError, match=r"learnt for the joints of coco17 and mpii16, not for those of deepercut"):
        planning.plan_for(load(overrides=settings))
    planning.plan_for(load(overrides={**settings, "run.model": "hrnet"}))


@pytest.mark.parametrize("model", POSES)
def test_only_top_down_models_get_a_detector_and_refinement(model: str) -> None:
    plan = a_plan(model=model, refine=True, flip=True)
    top_down = plan.pose.role is Role.TOP_DOWN
    assert (plan.detector is not None, plan.refine, plan.flip, plan.feeds_back) == (top_down,) * 4


def test_settings_without_effect_are_reported() -> None:
    """A flip test for a bottom-up model was once silently not made."""
    asked = load(overrides={"run.model": "higherhrnet-w32", "run.flip": True, "run.scales": [0.8, 1.0]})
    assert ignored_settings(planning.plan_for(asked), asked) == (
        "higherhrnet-w32 poses all people in one pass; without effect: run.flip, run.scales"
    )
    for silent in ({"run.model": "higherhrnet-w32"}, {"run.model": "hrnet-w32", "run.flip": True}):
        settings = load(overrides=silent)
        assert ignored_settings(planning.plan_for(settings), settings) == ""


def test_the_detector_runs_on_every_independent_image() -> None:
    config = load(overrides={"run.detect_every": 10})
    plan = planning.plan_for(config, a_camera("every", independent_images=True))
    assert (plan.detect_every, plan.feeds_back) == (1, False)
    assert planning.plan_for(config, a_camera("every")).detect_every == 10


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        ({"model": "movenet-lightening"}, "movenet-lightning"),
        ({"detector": "nanodot"}, "nanodet"),
        ({"model": "nanodet"}, "run.model = 'nanodet': a detector, not a pose model"),
        ({"detector": "movenet-multipose"}, "run.detector = 'movenet-multipose': not a detector"),
    ],
)
def test_a_model_that_does_not_exist_or_does_not_fit_is_a_setting_gone_wrong(
    run: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        a_plan(**run)
