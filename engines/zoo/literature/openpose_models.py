from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, frame_input

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="openpose",
        title="Lightweight OpenPose, part affinity fields on MobileNet",
        role=Role.BOTTOM_UP,
        input=frame_input(
            "bgr",
            "short",
            368,  # the height in the authors' evaluation, of portraits too; their demonstration takes 256
            8,
            mean=(128.0, 128.0, 128.0),
            std=(256.0, 256.0, 256.0),
            pad_value=128,  # 0 once normalised
        ),
        outputs=(
            TensorSpec("heatmaps", "float32", (None, 19, None, None), stride=8),  # 18 joints and the background
            TensorSpec("fields", "float32", (None, 38, None, None), stride=8),  # x, y of 19 limbs
        ),
        codec="paf",
        codec_options={"peak": 0.1},
        source=CHECKPOINT,
        licence="Apache-2.0",
        skeleton="coco17",  # its own 18 are these and the neck, which COCO lacks
        architecture=Architecture("openpose", "default"),
        publication=Publication(
            year=2018,
            paper="Osokin 2018, Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose",
            idea="joints as heat maps, limbs as fields of directions, people put together from both",
            parameters=4_091_698,
            macs=7_656_013_824,
            macs_hw=(256, 456),
            score="COCO val AP 40 (368 px high)",
            weights="its author, PyTorch (.pth)",
        ),
    ),
)
