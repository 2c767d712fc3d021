"""The command line as a whole: what is taken, and what is refused in one line."""

from pathlib import Path

import pytest

from stream.cli.main import main


def test_sources_may_stand_before_and_after_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert main(["run", str(clip), "--realtime", "no-such.mp4", "--page", "off"]) == 2
    assert capsys.readouterr().err.startswith("posestream: error: no-such.mp4: there is no such file")


@pytest.mark.parametrize("arguments", [["run", "--no-such-option", "demo"], ["schema", "twice"]])
def test_what_no_command_knows_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err
