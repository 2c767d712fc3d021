"""Errors by consequence. `engines.exceptions` has those of networks and runtimes, and their common base.

    UserError          stops the run or the command: one line with the problem, its place, and the remedy
      ConfigError        a setting
      RunError           the run cannot go on (a stage failed too often, no room in shared memory, a port in use)
    Timeout            a subscriber received nothing in time

DeviceFailedError ends infer alone, which is restarted, in the end on the CPU.

An error that drops a frame is a drop reason in the ledger, an error that loses a camera is a state of that camera;
neither leaves its module as an exception. Any other exception is a bug in posestream, and gets a traceback.
"""

from posestream.engines.exceptions import PosestreamError


class UserError(PosestreamError):
    """The problem lies outside posestream. The message is one line for people, with the remedy."""

    exit_code = 1


class ConfigError(UserError):
    """A setting is unknown, of the wrong type or out of its range."""

    exit_code = 2


class RunError(UserError):
    """The run cannot start or go on."""

    exit_code = 3


class DeviceFailedError(PosestreamError):
    """The device that runs the networks failed: infer exits with this code, and is restarted."""

    exit_code = 75


class Timeout(PosestreamError, TimeoutError):  # noqa: N818  (the field's name for it)
    """A subscriber received nothing from the publisher within its timeout."""
