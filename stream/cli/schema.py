"""`posestream schema`: prints the JSON Schema of the published messages."""

import argparse
import json

from posestream.stream.published import schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds none."""


def run(_arguments: argparse.Namespace) -> int:
    """Prints the schema; exit code 0."""
    print(json.dumps(schema(), indent=2))
    return 0
