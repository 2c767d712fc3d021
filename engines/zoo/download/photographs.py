"""Two freely licensed photographs of people, for the demo and the tests, from scikit-image's wheel."""

from pathlib import Path

from posestream.engines.progress import ProgressLine, no_progress
from posestream.engines.spec import SourceFile, WeightsSource
from posestream.engines.zoo.download.fetch import fetch_source

SOURCE = WeightsSource(
    kind="pypi-wheel",
    format="as-is",
    files=(
        # NASA, public domain: Eileen Collins, 512x512, colour
        SourceFile("skimage/data/astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
        # CC0: a man with a camera, 512x512, grey
        SourceFile("skimage/data/camera.png", "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a"),
    ),
    package="scikit-image",
    version="0.26.0",
)


def photographs(progress: ProgressLine = no_progress) -> tuple[Path, Path]:
    """The astronaut and the cameraman, PNG files in the cache. Raises as `fetch_source`."""
    astronaut, cameraman = fetch_source(SOURCE, progress)
    return astronaut, cameraman
