"""Errors by consequence. `engines.exceptions` has those of networks and runtimes, and their common base.

    UserError          stops the run or the command: one line that says what is wrong, where, what to do
      ConfigError        a setting
      RunError           the run cannot go on (a stage failed too often, no room in shared memory, a port in use)
    Timeout            a subscriber waited in vain

DeviceFailedError ends infer alone, which is started again, at last on the CPU.

An error that only drops a frame is a reason in the ledger, one that loses a camera is a state of that camera; neither
is an exception outside the module it happens in. Any exception that is no PosestreamError is a bug of ours, and gets a
traceback.
"""

from posestream.engines.exceptions import PosestreamError


class UserError(PosestreamError):
    """Something outside posestream is wrong; the message is one line for people, and says what to do."""

    exit_code = 1


class ConfigError(UserError):
    """A setting is unknown, of the wrong type or out of its range."""

    exit_code = 2


class RunError(UserError):
    """The run cannot start or go on."""

    exit_code = 3


class DeviceFailedError(PosestreamError):
    """The device that runs the networks failed: infer ends with this code, and is started anew."""

    exit_code = 75


class Timeout(PosestreamError, TimeoutError):  # noqa: N818  (the field's name for it)
    """Nothing came from a publisher within the time that the subscriber waits."""
