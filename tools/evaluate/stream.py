"""A folder of images through a whole run, and back as messages by image."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stream.messages import PoseMessage
from stream.sources.images import ImageSource


@dataclass(frozen=True, slots=True)
class Outcome:
    """`messages` by file name of the image; `image_ms` is the time that the run took for an image, on average."""

    messages: dict[str, PoseMessage]
    image_ms: float


def run(images: Path, options: Sequence[str]) -> Outcome:
    """Runs `posestream run IMAGES OPTIONS` and reads what it wrote. Raises RuntimeError with the run's last line."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "poses.jsonl"
        command = [sys.executable, "-m", "stream.cli.main", "run", str(images), "--page", "off"]
        command += ["--publish", "tcp://127.0.0.1:*", "--output", str(output), *options]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr.strip().splitlines()[-1])
        messages = [msgspec.json.decode(line, type=PoseMessage) for line in output.read_bytes().splitlines()]
    source = ImageSource(images)
    source.open()
    published_ns = [message.stamps_ns["publish"] for message in messages]
    image_ms = (published_ns[-1] - published_ns[0]) / 1e6 / max(len(messages) - 1, 1)
    return Outcome({source.paths[message.seq].name: message for message in messages}, image_ms)
