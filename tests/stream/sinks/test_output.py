"""--output is checked before any process starts."""

import os
from pathlib import Path

import pytest

from posestream.stream.errors import ConfigError
from posestream.stream.sinks.sink import check_output


@pytest.mark.parametrize("name", ["poses.jsonl", "walk.mp4"])
def test_takes_a_file_that_can_be_written_there_or_not(tmp_path: Path, name: str) -> None:
    check_output(tmp_path / name)
    (tmp_path / name).touch()
    check_output(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("poses.csv", r"poses\.csv: an output ends in \.jsonl \(.*\) or \.mp4 \(.*\)"),
        ("poses", r"poses: an output ends in"),
        ("nowhere/poses.jsonl", r"there is no folder .*nowhere; make it, or name another"),
        ("folder.mp4", r"folder\.mp4: is a folder; name a file"),
    ],
)
def test_a_wrong_output_is_one_line(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ConfigError, match=says) as raised:
        check_output(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_says_that_a_folder_cannot_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written; name a file in a folder of yours"):
        check_output(tmp_path / "poses.jsonl")
