"""How many frames may be under way, and the shared memory that they take."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posestream.engines.geometry import whole_frame
from posestream.engines.spec import ModelSpec, Role, TensorSpec
from posestream.stream.config import load
from posestream.stream.ipc.shared_memory import RECOMMENDED_MB
from posestream.stream.run import capacity
from tests.stream.run.plans import POSES, a_camera, a_plan


def test_live_cameras_have_one_frame_under_way_where_each_waits_for_the_one_before() -> None:
    feeding_back, free = a_plan(), a_plan(model="movenet-multipose")
    assert capacity.frames_under_way(feeding_back, a_camera("latest")) == 1
    assert capacity.frames_under_way(free, a_camera("latest")) > 1
    assert capacity.frames_under_way(feeding_back, a_camera("every")) > 1


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
            assert _bytes(network.input.tensor, batch, input_hw) <= capacity.tensor_bytes(plan)
            assert _outputs_bytes(network, batch, input_hw) <= capacity.output_bytes(plan)

    holds()


def _bytes(tensor: TensorSpec, batch: int, input_hw: tuple[int, int]) -> int:
    sides = [math.ceil(side / tensor.stride) for side in input_hw]
    shape = [batch, *(sides.pop(0) if length is None else length for length in tensor.shape[1:])]
    return math.prod(shape) * int(np.dtype(tensor.dtype).itemsize)


def _outputs_bytes(network: ModelSpec, batch: int, input_hw: tuple[int, int]) -> int:
    """All outputs of one call, each on a boundary of 64 bytes."""
    return sum(-(-_bytes(output, batch, input_hw) // 64) * 64 for output in network.outputs)


@pytest.mark.parametrize("model", POSES)
def test_the_recommended_shared_memory_holds_every_model_on_one_camera(model: str) -> None:
    plan = a_plan(model=model, flip=True)
    slots_mb = capacity.slots_of(1, load()) * (capacity.tensor_bytes(plan) + capacity.output_bytes(plan)) / 2**20
    assert slots_mb + 9 * 3 < RECOMMENDED_MB  # beside frames of 1080p


def test_a_slot_is_no_larger_than_the_greatest_batch_needs() -> None:
    plan = a_plan(max_people=10)
    size_px = plan.pose.input.size_hw
    assert size_px is not None
    assert plan.detector is not None
    detector = _bytes(plan.detector.input.tensor, 1, (416, 416))
    assert capacity.tensor_bytes(plan) == max(detector, _bytes(plan.pose.input.tensor, 10, size_px))


def test_with_many_cameras_only_a_few_frames_wait_for_the_device() -> None:
    assert [capacity.slots_of(cameras, load()) for cameras in (1, 4, 20)] == [3, 6, 6]


def test_where_a_gpu_cuts_the_crops_its_largest_batch_can_be_filled() -> None:
    on_gpu = load(None, {"preprocess.device": "cuda", "infer.batches": [1, 16]})
    assert [capacity.slots_of(cameras, on_gpu) for cameras in (1, 20)] == [3, 18]
    small = load(None, {"preprocess.device": "cuda", "infer.batches": [1]})
    never = load(None, {"preprocess.device": "cuda", "run.device": "cpu"})
    assert [capacity.slots_of(20, each) for each in (small, never)] == [6, 6]
