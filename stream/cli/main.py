"""The `posestream` command: one file a subcommand, errors of users turned into one line and an exit code here."""

import argparse
import importlib
import logging
import signal
import sys
from collections.abc import Sequence

from posestream.engines.exceptions import PosestreamError, UnknownModelError, WeightsError
from posestream.stream.errors import ConfigError, UserError

COMMANDS = {
    "run": "track people in cameras and files, and publish their poses",
    "watch": "print the poses that a run publishes",
    "models": "list, get, check and show the networks",
    "schema": "print the JSON Schema of the published messages",
    "doctor": "say what this machine has, and what to do about what is missing",
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
        return 0  # the reader of our output has seen enough
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
    """The arguments, and as `run` the function of the command that is meant. Exits where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="posestream",
        description="People's poses from webcams, RTSP cameras and files, live, as a stream to subscribe to.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Only the module of the command that is meant is imported: `watch` need not wait for what `run` needs.
    meant = next((argument for argument in arguments if argument in COMMANDS), None)
    for name, what in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=what,
            description=what[0].upper() + what[1:] + ".",
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == meant:
            module = importlib.import_module(f"posestream.stream.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    args, rest = parser.parse_known_args(arguments)
    if not hasattr(args, "sources") or any(argument.startswith("-") for argument in rest):
        parser.parse_args(arguments)  # says what is wrong with them
    else:
        args.sources += rest  # argparse takes the sources before the first option, or after the last, and no others
    return args


if __name__ == "__main__":
    sys.exit(main())
