"""The batch that a network gets: the whole frame, the crops, or the crops and their mirror images."""

import dataclasses

import numpy as np

from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Plan, Region
from posestream.engines.zoo.catalogue import find
from posestream.stream.stages.preprocess.preprocess import cut, shape_of

POSE, DETECTOR = find("movenet-lightning"), find("nanodet")
PLAN = Plan(POSE, DETECTOR, detect_every=10)
CROPS = (Region(10, 20, 100, 100, person=4), Region(200, 50, 80, 80))


def test_a_detector_gets_the_whole_frame() -> None:
    shape = shape_of(PLAN, DETECTOR.input, (), (480, 640))
    assert shape.tensor == (1, 3, 416, 416)
    assert len(shape.regions) == 1


def test_a_pose_network_gets_a_tensor_a_crop_in_their_order() -> None:
    shape = shape_of(PLAN, POSE.input, CROPS, (480, 640))
    assert shape.tensor == (2, 192, 192, 3)
    assert shape.regions == CROPS


def test_a_flip_test_appends_the_mirrored_crops() -> None:
    shape = shape_of(dataclasses.replace(PLAN, flip=True), POSE.input, CROPS, (480, 640))
    assert shape.tensor[0] == 4
    assert [region.width_px for region in shape.regions] == [100, 80, -100, -80]
    assert [region.person for region in shape.regions] == [4, -1, 4, -1]


def test_a_multi_scale_test_shows_every_crop_at_every_size_larger_ones_of_less() -> None:
    shape = shape_of(dataclasses.replace(PLAN, scales=(0.5, 1.0, 2.0)), POSE.input, CROPS, (480, 640))
    assert shape.tensor[0] == 6
    assert [region.width_px for region in shape.regions] == [200, 160, 100, 80, 50, 40]


def test_each_image_of_the_batch_shows_its_own_region() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[20:120, 10:110] = (0, 0, 250)
    picture[50:130, 200:280] = (250, 0, 0)
    shape = shape_of(PLAN, POSE.input, CROPS, (480, 640))
    out = np.zeros(shape.tensor, np.int32)
    cut(Preprocessor(POSE.input), picture, "bgr24", shape.regions, out)
    assert out[0, 96, 96].tolist() == [250, 0, 0]  # RGB
    assert out[1, 96, 96].tolist() == [0, 0, 250]
