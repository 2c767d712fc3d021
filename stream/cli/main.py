"""The `posestream` command: one module a subcommand; user errors become one line and an exit code here."""

import argparse
import importlib
import logging
import signal
import sys
from collections.abc import Sequence
from typing import Any

from posestream.engines.exceptions import PosestreamError, UnknownModelError, WeightsError
from posestream.stream.errors import ConfigError, UserError

COMMANDS = {
    "run": "track people in cameras and files, and publish their poses",
    "watch": "print the poses that a run publishes",
    "models": "list, get, check and show the networks",
    "schema": "print the JSON Schema of the published messages",
    "doctor": "check what a run needs on this machine, with advice about what is missing",
}
EXIT_CODES = """exit codes:
  0  done: the files are through, the number of frames is reached, or you stopped it
  1  the command failed, in a way that its message explains
  2  a wrong argument, setting or source name
  3  the run could not start or go on
  4  a model's weights cannot be had, or are not what they should be
130  you stopped it before it had begun
"""
NO_WEIGHTS = 4
INTERRUPTED = 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    try:
        args = _parsed(sys.argv[1:] if arguments is None else arguments)
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        return int(args.run(args))
    except (UserError, UnknownModelError, WeightsError) as error:
        print(f"posestream: error: {error}", file=sys.stderr)
        return _exit_code(error)
    except BrokenPipeError:
        return 0  # the reader of our output has closed the pipe
    except KeyboardInterrupt:
        return INTERRUPTED


def _exit_code(error: PosestreamError) -> int:
    match error:
        case UserError():
            return error.exit_code
        case WeightsError():
            return NO_WEIGHTS
        case _:
            return ConfigError.exit_code


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command, and its function as `run`. Exits after --help, and where they are wrong.

    Only the command's own module is imported: `watch` starts without what `run` needs.
    """
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        overview = _overview()
        overview.parse_args(arguments)
        overview.error("the command comes first")
    module = importlib.import_module(f"posestream.stream.cli.{name}")
    parser = argparse.ArgumentParser(prog=f"posestream {name}", description=_sentence(COMMANDS[name]), **_HELP_FORMAT)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    # Sources may stand between options; only parse_args takes what stands behind `--` as it is.
    parse = parser.parse_args if "--" in arguments else parser.parse_intermixed_args
    return parse(arguments[1:])


def _overview() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="posestream",
        description="People's poses from webcams, RTSP cameras and files, live, as a stream to subscribe to.",
        **_HELP_FORMAT,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what)
    return parser


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


_HELP_FORMAT: dict[str, Any] = {"epilog": EXIT_CODES, "formatter_class": argparse.RawDescriptionHelpFormatter}


if __name__ == "__main__":
    sys.exit(main())
