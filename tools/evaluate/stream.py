"""A folder of images through a whole run, and back as messages by image."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stream.messages import PoseMessage
from stream.sources.images import ImageSource


class Options:
    """What a run is told: flags of `posestream run`, and settings by "section.key"."""

    def __init__(self, *flags: str, settings: Mapping[str, float] | None = None) -> None:
        self.flags = flags
        self.settings = dict(settings or {})

    def with_flags(self, *flags: str) -> "Options":
        """These and more flags."""
        return Options(*self.flags, *flags, settings=self.settings)

    def with_settings(self, **settings: float) -> "Options":
        """These and other settings."""
        return Options(*self.flags, settings=self.settings | settings)

    @property
    def toml(self) -> str:
        """The settings as a file for --config."""
        settings = {"run.in_flight_timeout_ms": 60000, **self.settings}  # however busy the machine is
        return "".join(f"{name} = {value}\n" for name, value in settings.items())


@dataclass(frozen=True, slots=True)
class Outcome:
    """`messages` by file name of the image; `image_ms` is the time that the run took for an image, on average."""

    messages: dict[str, PoseMessage]
    image_ms: float


def run(images: Path, options: Options) -> Outcome:
    """Runs `posestream run IMAGES OPTIONS` and reads what it wrote.

    Raises RuntimeError with the run's last line where it failed, or where an image was dropped: a score of fewer images
    would be another figure.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "poses.jsonl"
        command = [sys.executable, "-m", "stream.cli.main", "run", str(images), "--page", "off"]
        config = Path(folder) / "config.toml"
        config.write_text(options.toml)
        command += ["--publish", "tcp://127.0.0.1:*", "--output", str(output), "--config", str(config), *options.flags]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr.strip().splitlines()[-1])
        messages = [msgspec.json.decode(line, type=PoseMessage) for line in output.read_bytes().splitlines()]
    source = ImageSource(images)
    source.open()
    if len(messages) < len(source.paths):
        raise RuntimeError(f"{len(messages)} of {len(source.paths)} images were posed: {messages[-1].drops}")
    published_ns = [message.stamps_ns["publish"] for message in messages]
    image_ms = (published_ns[-1] - published_ns[0]) / 1e6 / max(len(messages) - 1, 1)
    return Outcome({source.paths[message.seq].name: message for message in messages}, image_ms)
