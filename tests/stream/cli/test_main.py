"""What is common to all commands."""

import pytest

from posestream.stream.cli import main


def test_ctrl_c_before_a_command_has_begun_is_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("posestream.stream.cli.schema.run", interrupted)
    assert main.main(["schema"]) == 130
    assert capsys.readouterr().err == ""
