"""DeeperCut: one person in a crop, or all people of a frame at once."""

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, crop_input, frame_input

_JOINTS, _STRIDE = 14, 8
_CROP_SCALE = 1.1  # of 368 px leaves people 335 px; they were about 340 px high in training
_CAFFE_MEAN = (104.0, 117.0, 123.0)  # of the authors' demo
_TENSORFLOW_MEAN = (103.939, 116.779, 123.68)
_TITLES = {"r101": "DeeperCut ResNet-101", "r152": "DeeperCut ResNet-152"}
_PAPER = "Insafutdinov et al. 2016, DeeperCut: A Deeper, Stronger, and Faster Multi-Person Pose Estimation Model"
_WEIGHTS = {
    "r101": "MPI Informatik: ResNet-101-mpii-multiperson.caffemodel, as .npz of its tensors",
    "r152": "MPI Informatik: ResNet-152.caffemodel, as .npz of its tensors",
}
_WEIGHTS_TENSORFLOW = "MPI Informatik: TensorFlow checkpoint of eldar/pose-tensorflow, as .npz of its variables"
_LICENCE = "network and part detectors BSD-2-Clause (Caffe); models of MPI Informatik: ask there; MPII non-commercial"
_LICENCE_TENSORFLOW = "code LGPL-3.0 (eldar/pose-tensorflow); models of MPI Informatik: ask there; MPII non-commercial"
_SCORE_SINGLE = "LSP PCK 90.1 (the paper's own claim for ResNet-152)"
_SCORE_MULTI = "MPII multi-person test mAP 59.5 (of the paper's system, 485 s a frame)"


def _outputs(maps: dict[str, int], height: int | None, width: int | None) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, "float32", (None, count, height, width), _STRIDE) for name, count in maps.items())


def _single(variant: str, parameters: int, macs: int, *, tensorflow: bool = False) -> ModelSpec:
    return ModelSpec(
        name=f"deepercut-{variant}-single" + ("-tf" if tensorflow else ""),
        title=f"{_TITLES[variant]}, one person" + (", TensorFlow form" if tensorflow else ""),
        role=Role.TOP_DOWN,
        input=crop_input(
            368, 368, "bgr", mean=_TENSORFLOW_MEAN if tensorflow else _CAFFE_MEAN, pad_value=117, crop_scale=_CROP_SCALE
        ),
        outputs=_outputs({"scores": _JOINTS, "locref": 2 * _JOINTS}, 46, 46),
        codec="part-scores",
        skeleton="lsp14",
        source=CHECKPOINT,
        licence=_LICENCE_TENSORFLOW if tensorflow else _LICENCE,
        architecture=Architecture("deepercut", variant, {"single": 1} | ({"tensorflow": 1} if tensorflow else {})),
        publication=Publication(
            year=2016,
            paper=_PAPER,
            idea="dilated ResNet at stride 8, part scores with location refinement",
            parameters=parameters,
            macs=macs,
            score=_SCORE_SINGLE if variant == "r152" else "",
            weights=_WEIGHTS_TENSORFLOW if tensorflow else _WEIGHTS[variant],
        ),
    )


def _multi(variant: str, parameters: int, macs: int) -> ModelSpec:
    return ModelSpec(
        name=f"deepercut-{variant}",
        title=f"{_TITLES[variant]}, several people",
        role=Role.BOTTOM_UP,
        input=frame_input("bgr", "long", 688, 16, mean=_CAFFE_MEAN, pad_value=117, crop_scale=_CROP_SCALE),
        outputs=_outputs(
            {"scores": _JOINTS, "locref": 2 * _JOINTS, "pairwise": 2 * _JOINTS * (_JOINTS - 1)}, None, None
        ),
        codec="multicut",
        skeleton="lsp14",
        source=CHECKPOINT,
        licence=_LICENCE,
        architecture=Architecture("deepercut", variant),
        publication=Publication(
            year=2016,
            paper=_PAPER,
            idea="offsets between parts, people told apart by node labelling and multicut in stages",
            parameters=parameters,
            macs=macs,
            score=_SCORE_MULTI,
            weights=_WEIGHTS[variant],
            macs_hw=(688, 688),
        ),
    )


SPECS: tuple[ModelSpec, ...] = (
    _multi("r101", 50_192_236, 107_490_742_272),
    _multi("r152", 65_835_884, 142_510_624_768),
    _single("r101", 43_295_892, 26_809_618_432),
    _single("r152", 58_939_540, 36_828_827_648),
    _single("r101", 43_274_346, 26_088_079_360, tensorflow=True),
)
