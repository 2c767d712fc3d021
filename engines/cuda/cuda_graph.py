"""CUDA graphs: the work of a stream, captured once and launched again in one call.

pycuda has no graphs, so cuda-bindings captures them on a stream's handle. Where it is not installed, or the work cannot
be captured, the work is enqueued again at each call.
"""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from posestream.engines.cuda.device import Stream
from posestream.engines.exceptions import BackendError

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], None]
"""Enqueues work on a stream without waiting for it: the same work at each call."""


class CudaGraph:
    """`work` as one graph on `stream`; where capture fails, logs why and enqueues the work at each call.

    The work has run once before, because the setup of its first run cannot be captured. Capture is thread-local, so
    other threads may go on calling CUDA.
    """

    def __init__(self, stream: Stream, work: Work, *, capturable: bool = True) -> None:
        """Raises DeviceLostError where the device fails."""
        self._work = work
        self._launchable: Any = None
        if capturable:
            self._capture(stream)

    @property
    def kind(self) -> str:
        """For people: "CUDA graph", or "no graph" where the work could not be captured."""
        return "no graph" if self._launchable is None else "CUDA graph"

    def __call__(self) -> None:
        """Enqueues the work."""
        if self._launchable is None:
            self._work()
        else:
            self._checked(self._driver.cuGraphLaunch(self._launchable, self._handle))

    def close(self) -> None:
        """Frees the graph; the stream has finished with it."""
        if self._launchable is not None:
            self._checked(self._driver.cuGraphExecDestroy(self._launchable))
            self._launchable = None
        self._work = _no_work  # and with it the memory that it refers to

    def _capture(self, stream: Stream) -> None:
        try:
            from cuda.bindings import driver as cu
        except ImportError:
            return
        from posestream.engines.cuda.cuda_python import checked

        self._driver, self._checked, self._handle = cu, checked, cu.CUstream(stream.handle)
        checked(cu.cuStreamBeginCapture(self._handle, cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL))
        reason = ""
        try:
            with _no_garbage_collection():
                self._work()
        except BackendError as error:
            reason = str(error)
        finally:
            code, graph = cu.cuStreamEndCapture(self._handle)
        if code == cu.CUresult.CUDA_SUCCESS:
            if not reason:
                code, self._launchable = cu.cuGraphInstantiate(graph, 0)
            checked(cu.cuGraphDestroy(graph))
        if "CAPTURE" not in code.name and code != cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
            checked((code,))  # raises DeviceLostError for anything but success
        if self._launchable is None:
            log.warning("without a CUDA graph, so slower: %s", reason or f"the work cannot be captured ({code.name})")


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Freeing device memory on this thread during a capture would invalidate it."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _no_work() -> None:
    """The work of a closed graph."""
