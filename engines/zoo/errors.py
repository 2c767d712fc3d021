"""What can go wrong between a model's name and its ONNX file. Each message is one line that says what to do."""


class UnknownModelError(ValueError):
    """No model of that name; the message names the nearest one."""


class ZooError(RuntimeError):
    """Weights cannot be had, or are not what they should be."""


class FetchError(ZooError):
    """A package, URL or file could not be got; the message says what is missing."""


class WeightsError(ZooError):
    """A file is not the one that the catalogue asks for; the message has both sha256 and the path."""


class ImportModelError(ZooError):
    """A foreign model file could not be read or turned into ONNX; the message names the file, node or op."""


class MissingExtraError(ZooError):
    """An optional package is needed and not installed; the message says how to install it."""
