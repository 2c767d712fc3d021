"""From settings to a plan, and to the shared memory that it takes."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.geometry import whole_frame
from engines.plan import Plan
from engines.spec import ModelSpec, Role, TensorSpec
from engines.zoo.catalogue import MODELS
from stream import plans
from stream.cli.networks import without_effect
from stream.config import load
from stream.errors import ConfigError
from stream.rundir import LEAST_MB
from stream.topology import CameraSpec, Policy

POSES = [spec.name for spec in MODELS.values() if spec.role is not Role.DETECTOR]


def a_plan(**run: Any) -> Plan:
    return plans.plan_for(load(overrides={f"run.{key}": value for key, value in run.items()}))


def a_camera(policy: Policy = "latest", *, stills: bool = False) -> CameraSpec:
    return CameraSpec(name="cam0", source="0", policy=policy, stills=stills)


def test_the_plan_is_what_the_settings_say() -> None:
    plan = a_plan(model="movenet-thunder", detector="fastestdet", detect_every=7, refine=True, flip=True, max_people=3)
    assert (plan.pose.name, plan.detector.name if plan.detector else None) == ("movenet-thunder", "fastestdet")
    assert (plan.detect_every, plan.refine, plan.flip, plan.max_people) == (7, True, True, 3)


def test_parametric_nms_is_for_skeletons_that_it_was_learnt_for() -> None:
    settings = {"run.model": "deepercut-r101", "postprocess.nms": "parametric"}
    with pytest.raises(ConfigError, match=r"learnt for the joints of coco17 and mpii16, not for those of deepercut"):
        plans.plan_for(load(overrides=settings))
    plans.plan_for(load(overrides={**settings, "run.model": "hrnet"}))


@pytest.mark.parametrize("model", POSES)
def test_only_top_down_models_get_a_detector_and_what_refines_crops(model: str) -> None:
    plan = a_plan(model=model, refine=True, flip=True)
    top_down = plan.pose.role is Role.TOP_DOWN
    assert (plan.detector is not None, plan.refine, plan.flip, plan.feeds_back) == (top_down,) * 4


def test_what_a_plan_does_not_do_is_said() -> None:
    """A flip test was once asked of a model of everybody, and silently not made."""
    asked = load(overrides={"run.model": "higherhrnet-w32", "run.flip": True, "run.scales": [0.8, 1.0]})
    assert without_effect(plans.plan_for(asked), asked) == (
        "higherhrnet-w32 sees everybody at once: for it run.flip, run.scales changes nothing"
    )
    for silent in ({"run.model": "higherhrnet-w32"}, {"run.model": "hrnet-w32", "run.flip": True}):
        settings = load(overrides=silent)
        assert without_effect(plans.plan_for(settings), settings) == ""


def test_stills_are_looked_through_anew_each_time() -> None:
    config = load(overrides={"run.detect_every": 10})
    plan = plans.plan_for(config, a_camera("every", stills=True))
    assert (plan.detect_every, plan.feeds_back) == (1, False)
    assert plans.plan_for(config, a_camera("every")).detect_every == 10


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        ({"model": "movenet-lightening"}, "movenet-lightning"),
        ({"detector": "nanodot"}, "nanodet"),
        ({"model": "nanodet"}, "run.model = 'nanodet': it finds people and poses nobody"),
        ({"detector": "movenet-multipose"}, "run.detector = 'movenet-multipose': it is no detector"),
    ],
)
def test_a_model_that_does_not_exist_or_does_not_fit_is_a_setting_gone_wrong(
    run: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        a_plan(**run)


def test_live_cameras_have_one_frame_under_way_where_each_waits_for_the_one_before() -> None:
    feeding_back, free = a_plan(), a_plan(model="movenet-multipose")
    assert plans.frames_under_way(feeding_back, a_camera("latest")) == 1
    assert plans.frames_under_way(free, a_camera("latest")) > 1
    assert plans.frames_under_way(feeding_back, a_camera("every")) > 1


# ---- shared memory


@pytest.mark.parametrize("model", POSES)
@pytest.mark.parametrize("flip", [False, True])
def test_a_slot_holds_whatever_a_frame_can_ask_of_any_network(model: str, flip: bool) -> None:
    plan = a_plan(model=model, flip=flip, max_people=7)

    @settings(max_examples=50)
    @given(st.integers(16, 4320), st.floats(1, 4), st.booleans())
    def holds(short_px: int, aspect: float, upright: bool) -> None:
        long_px = int(short_px * aspect)
        frame_hw = (long_px, short_px) if upright else (short_px, long_px)
        for network in plan.networks:
            input_hw = network.input.size_hw or whole_frame(network.input, frame_hw)[1]
            batch = 7 * (1 + flip) if network.role is Role.TOP_DOWN else 1
            assert _bytes(network.input.tensor, batch, input_hw) <= plans.tensor_bytes(plan)
            assert _outputs_bytes(network, batch, input_hw) <= plans.output_bytes(plan)

    holds()


def _bytes(tensor: TensorSpec, batch: int, input_hw: tuple[int, int]) -> int:
    sides = [math.ceil(side / tensor.stride) for side in input_hw]
    shape = [batch, *(sides.pop(0) if length is None else length for length in tensor.shape[1:])]
    return math.prod(shape) * int(np.dtype(tensor.dtype).itemsize)


def _outputs_bytes(network: ModelSpec, batch: int, input_hw: tuple[int, int]) -> int:
    """All outputs of one call, each on a boundary of 64 bytes."""
    return sum(-(-_bytes(output, batch, input_hw) // 64) * 64 for output in network.outputs)


@pytest.mark.parametrize("model", POSES)
def test_what_users_are_told_to_provide_holds_every_model_on_one_camera(model: str) -> None:
    plan = a_plan(model=model, flip=True)
    slots_mb = plans.slots_of(1, load()) * (plans.tensor_bytes(plan) + plans.output_bytes(plan)) / 2**20
    assert slots_mb + 9 * 3 < LEAST_MB  # beside frames of 1080p


def test_a_slot_is_no_larger_than_the_greatest_batch_needs() -> None:
    plan = a_plan(max_people=10)
    size_px = plan.pose.input.size_hw
    assert size_px is not None
    assert plan.detector is not None
    detector = _bytes(plan.detector.input.tensor, 1, (416, 416))
    assert plans.tensor_bytes(plan) == max(detector, _bytes(plan.pose.input.tensor, 10, size_px))


def test_with_many_cameras_only_a_few_frames_wait_for_the_device() -> None:
    assert [plans.slots_of(cameras, load()) for cameras in (1, 4, 20)] == [3, 6, 6]


def test_where_a_gpu_cuts_the_crops_its_largest_batch_can_be_filled() -> None:
    on_gpu = load(None, {"preprocess.device": "cuda", "infer.batches": [1, 16]})
    assert [plans.slots_of(cameras, on_gpu) for cameras in (1, 20)] == [3, 18]
    small = load(None, {"preprocess.device": "cuda", "infer.batches": [1]})
    never = load(None, {"preprocess.device": "cuda", "run.device": "cpu"})
    assert [plans.slots_of(20, each) for each in (small, never)] == [6, 6]
