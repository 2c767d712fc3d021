"""Opens a GPU, by pycuda where it is installed, else by cuda-bindings."""

from posestream.engines.cuda.device import Device
from posestream.engines.cuda.driver import gpus
from posestream.engines.exceptions import BackendError


def open_device(index: int = 0) -> Device:
    """Opens the GPU of that number, counted from 0.

    Raises NoGpuError without a GPU or driver, BackendError where there is none of that number, ImportError where
    neither package can be imported.
    """
    found = gpus()
    if index >= len(found):
        raise BackendError(f"there is no GPU {index}: the driver knows {len(found)}, counted from 0")
    try:
        from posestream.engines.cuda.pycuda import PyCudaDevice

        return PyCudaDevice(found[index])
    except ImportError:
        pass
    try:
        from posestream.engines.cuda.cuda_python import BindingsDevice
    except ImportError as error:
        raise ImportError(f"a GPU needs pycuda or cuda-bindings: pip install posestream[cuda] ({error})") from None
    return BindingsDevice(found[index])
