"""The rows that Python writes are those that the kernels read."""

from dataclasses import replace

import numpy as np
import pytest

from posestream.engines.batches import FrameBatch
from posestream.engines.cuda import crops, keypoints
from posestream.engines.plan import Region
from posestream.engines.zoo.catalogue import MODELS, find
from tests.engines.cuda.on_cpu import OnCpu

ROWS = {
    "Crop": crops.CROP,
    "Input": crops.INPUT,
    "HeatMapOptions": keypoints.HEAT_MAP,
    "SimccOptions": keypoints.SIMCC,
}


@pytest.mark.parametrize("name", ROWS)
def test_sizes_and_offsets_are_those_of_the_structs(on_cpu: OnCpu, name: str) -> None:
    row = ROWS[name]
    assert row.itemsize == on_cpu.layout(name)
    assert row.fields is not None
    assert {field: row.fields[field][1] for field in row.fields} == {
        field: on_cpu.layout(f"{name}.{field}") for field in row.fields
    }


def test_padding_shows_nothing() -> None:
    assert not crops.padding_rows(3)["shown"].any()


def test_a_flipped_region_is_marked_as_mirrored() -> None:
    regions = [Region(0, 0, 20, 30), Region(20, 0, -20, 30)]
    rows = crops.crop_rows([FrameBatch(np.zeros((48, 64, 3), np.uint8), "bgr24", regions, (64, 48), ())], [4096])
    assert rows["mirrored"].tolist() == [0, 1]
    assert rows["frame"].tolist() == [4096, 4096]


def test_a_planar_frame_is_as_high_as_its_picture() -> None:
    planar = FrameBatch(np.zeros((72, 64), np.uint8), "nv12", [Region(0, 0, 20, 30)], (64, 48), ())
    rows = crops.crop_rows([planar], [4096])
    assert (int(rows["height"][0]), int(rows["width"][0])) == (48, 64)


def test_each_row_has_its_own_frame() -> None:
    region = Region(0, 0, 20, 30)
    frames = [
        FrameBatch(np.zeros((48, 64, 3), np.uint8), "bgr24", [region] * 2, (64, 48), ()),
        FrameBatch(np.zeros((12, 16), np.uint8), "nv12", [], (64, 48), ()),
        FrameBatch(np.zeros((72, 80), np.uint8), "i420", [region], (64, 48), ()),
    ]
    rows = crops.crop_rows(frames, [4096, 8192, 12288])
    assert rows["frame"].tolist() == [4096, 4096, 12288]
    assert rows["width"].tolist() == [64, 64, 80]
    assert rows["pixel_format"].tolist() == [0, 0, 1]
    for row, batch in zip(rows, (frames[0], frames[0], frames[2]), strict=True):
        (alone,) = crops.crop_rows([replace(batch, regions=[region])], [int(row["frame"])])
        assert row == alone


@pytest.mark.parametrize("name", MODELS)
def test_each_model_of_heat_maps_or_simcc_has_a_decoder_unless_its_rule_has_no_kernel(name: str) -> None:
    spec = find(name)
    decoder = keypoints.decoder_of(spec)
    wanted = spec.codec == "simcc" or (spec.codec == "heatmap" and spec.codec_options.get("mode") != "enlarged")
    assert (decoder is not None) == wanted
    if decoder is not None:
        assert decoder.joints <= keypoints.MAX_JOINTS
        assert sorted(decoder.options["mirror"][0, : decoder.joints].tolist()) == list(range(decoder.joints))
