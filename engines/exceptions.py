"""The exceptions of engines. Each message is one line for people: what is wrong, where, what to do.

PosestreamError        every exception that posestream raises on purpose
  UnknownModelError      the catalogue has no model of that name
  WeightsError           a model's weights are unavailable or invalid
    FetchError             a package, URL or file is unavailable
    WrongWeightsError      a file differs from the one that the catalogue names
    ImportModelError       a foreign model file cannot be read, or not converted to ONNX
    MissingExtraError      an optional package is needed and not installed
  BackendError           a runtime failed to load or to run a network
    NoRoomError            the device is out of memory
    LockRefusedError       the driver refuses to page-lock memory
    DeviceLostError        the device failed, and the process has to start again
  DriverError            a call of the driver returned an error
    NoGpuError             no usable GPU
"""


class PosestreamError(Exception):
    """Every exception that posestream raises on purpose; the message is one line for people."""


class UnknownModelError(PosestreamError, ValueError):
    """The catalogue has no model of that name; the message names the nearest one."""


class WeightsError(PosestreamError, RuntimeError):
    """A model's weights are unavailable or invalid."""


class FetchError(WeightsError):
    """A package, URL or file is unavailable; the message names it."""


class WrongWeightsError(WeightsError):
    """A file differs from the one that the catalogue names; the message has both sha256 and the path."""


class ImportModelError(WeightsError):
    """A foreign model file cannot be read, or not converted to ONNX; the message names the file, node or operator."""


class MissingExtraError(WeightsError):
    """An optional package is needed and not installed; the message has the command that installs it."""


class BackendError(PosestreamError, RuntimeError):
    """A runtime failed to load or to run a network; the message names runtime and network."""


class NoRoomError(BackendError):
    """The device is out of memory; what it already holds is intact."""


class LockRefusedError(BackendError):
    """The driver refuses to page-lock memory: copies go through its own staging buffer, more slowly."""


class DeviceLostError(BackendError):
    """The device failed, and the content of its memory is undefined: the process has to start again."""


class DriverError(PosestreamError, RuntimeError):
    """A call of the driver returned an error; the message has the call and the reason."""


class NoGpuError(DriverError):
    """No usable GPU: the driver is missing, fails, or lists none; the message says which."""
