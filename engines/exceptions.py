"""What can go wrong in engines. Each message is one line for people: what is wrong, where, what to do.

PosestreamError        whatever posestream raises on purpose
  UnknownModelError      no model of that name
  WeightsError           a model's weights cannot be had, or are not what they should be
    FetchError             a package, URL or file could not be got
    WrongWeightsError      a file is not the one that the catalogue asks for
    ImportModelError       a foreign model file could not be read, or not turned into ONNX
    MissingExtraError      an optional package is needed and not installed
  BackendError           a runtime could not load or run a network
    NoRoomError            the device has no memory left for it
    LockRefusedError       the driver does not lock these pages
    DeviceLostError        the device failed: the process has to start anew
  DriverError            the driver answered with an error
    NoGpuError             there is no GPU that can be used
"""


class PosestreamError(Exception):
    """Whatever posestream raises on purpose; the message is one line for people."""


class UnknownModelError(PosestreamError, ValueError):
    """No model of that name; the message names the nearest one."""


class WeightsError(PosestreamError, RuntimeError):
    """Weights cannot be had, or are not what they should be."""


class FetchError(WeightsError):
    """A package, URL or file could not be got; the message says what is missing."""


class WrongWeightsError(WeightsError):
    """A file is not the one that the catalogue asks for; the message has both sha256 and the path."""


class ImportModelError(WeightsError):
    """A foreign model file could not be read or turned into ONNX; the message names the file, node or op."""


class MissingExtraError(WeightsError):
    """An optional package is needed and not installed; the message says how to install it."""


class BackendError(PosestreamError, RuntimeError):
    """The runtime could not load or run a network; the message names runtime and network."""


class NoRoomError(BackendError):
    """The device has no memory left for this; what it holds is as good as before."""


class LockRefusedError(BackendError):
    """The driver will not page-lock this memory: copies go through its own staging, slower."""


class DeviceLostError(BackendError):
    """The device failed. What it holds cannot be trusted any more: the process has to start anew."""


class DriverError(PosestreamError, RuntimeError):
    """The driver refused a call; the message says which, and why."""


class NoGpuError(DriverError):
    """There is no driver, or it knows no GPU; the message says which."""
