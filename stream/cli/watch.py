"""`posestream watch`: prints the published messages of a run, one a line."""

import argparse
import contextlib
import os
import sys

import msgspec

from posestream.stream.client import ANY_HOST, Published, Subscriber
from posestream.stream.config import load
from posestream.stream.errors import ConfigError
from posestream.stream.published import Person, PoseMessage, StateMessage

SILENCE_S = 5.0  # without a message, until a note is printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `posestream watch`."""
    parser.add_argument(
        "endpoint",
        nargs="?",
        metavar="ENDPOINT",
        help="endpoint of the run, like tcp://192.168.1.5:5556; default: that of the settings, on this machine",
    )
    parser.add_argument("--camera", action="append", metavar="NAME", help="only this camera; may be given repeatedly")
    parser.add_argument("--json", action="store_true", help="print whole messages, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Prints until Ctrl-C, or until the reader of its pipe closes it; exit code 0.

    Raises ConfigError where the endpoint is not one of ZeroMQ.
    """
    endpoint = arguments.endpoint or _here(load().publish.endpoint)
    try:
        subscriber = Subscriber(endpoint, cameras=arguments.camera, states=True)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    with subscriber, contextlib.suppress(KeyboardInterrupt):
        try:
            _print_all(subscriber, as_json=arguments.json)
        except BrokenPipeError:  # `posestream watch | head`: what Python would flush at its exit has no reader
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _print_all(subscriber: Subscriber[Published], *, as_json: bool) -> None:
    silent = False
    while True:
        try:
            message = subscriber.recv(None if silent else SILENCE_S)
        except TimeoutError as nothing:
            print(f"{nothing} Waiting.", file=sys.stderr)
            silent = True
            continue
        silent = False
        print(msgspec.json.encode(message).decode() if as_json else line(message), flush=True)


def line(message: Published) -> str:
    """A message as one line of text."""
    if isinstance(message, StateMessage):
        return f"{message.camera}  {message.state}{f': {message.reason}' if message.reason else ''}"
    count = len(message.people)
    fields = [
        f"{message.camera} #{message.seq}",
        "nobody" if not count else "1 person" if count == 1 else f"{count} people",
        f"{_latency_ms(message):.1f} ms",
        *(_person(person) for person in message.people),
    ]
    if message.drops:
        fields.append("dropped " + ", ".join(f"{count} {reason}" for reason, count in message.drops.items()))
    return "  ".join(fields)


def _latency_ms(message: PoseMessage) -> float:
    return (max(message.stamps_ns.values(), default=message.capture_ns) - message.capture_ns) / 1e6


def _person(person: Person) -> str:
    left, top, right, bottom = person.box_xyxy
    name = "?" if person.id is None else f"{person.id}"
    return f"[{name} at {left:.0f},{top:.0f} to {right:.0f},{bottom:.0f}, score {person.score:.2f}]"


def _here(endpoint: str) -> str:
    """The endpoint to connect to on this machine, for a publisher that is bound to `endpoint`."""
    for host in ANY_HOST:
        endpoint = endpoint.replace(f"tcp://{host}:", "tcp://127.0.0.1:")
    return endpoint
