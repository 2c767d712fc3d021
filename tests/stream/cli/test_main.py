"""The command line as far as all commands share it."""

import subprocess
import sys

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


@pytest.mark.parametrize(
    ("arguments", "sources"),
    [
        (["run"], []),
        (["run", "--frames", "2", "a.mp4", "--flip", "b.mp4"], ["a.mp4", "b.mp4"]),
        (["run", "--flip", "--", "-odd.mp4"], ["-odd.mp4"]),
    ],
)
def test_sources_stand_before_between_and_after_options(arguments: list[str], sources: list[str]) -> None:
    parsed = main._parsed(arguments)
    assert (parsed.sources, parsed.frames) == (sources, 2 if "--frames" in arguments else None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "posestream: error: the following arguments are required: COMMAND"),
        (["rum"], "posestream: error: argument COMMAND: invalid choice: 'rum'"),
        (["--flip", "run"], "posestream: error: unrecognized arguments: --flip"),
        (["run", "demo", "--flap"], "posestream run: error: unrecognized arguments: --flap"),
        (["watch", "here", "there"], "posestream watch: error: unrecognized arguments: there"),
    ],
)
def test_wrong_arguments_end_it_with_usage_and_reason(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    assert ended.value.code == 2
    usage, *_, reason = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: posestream")
    assert reason.startswith(message)


@pytest.mark.parametrize("command", ["", *main.COMMANDS])
def test_help_names_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([*filter(None, [command]), "--help"])
    assert ended.value.code == 0
    assert main.EXIT_CODES in capsys.readouterr().out


def test_watch_starts_without_what_run_needs() -> None:
    program = (
        "import sys; from posestream.stream.cli import main; parsed = main._parsed(['watch']); "
        "print([m for m in ('numpy', 'cv2', 'rich', 'openvino', 'posestream.stream.cli.run') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
