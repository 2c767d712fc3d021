"""CUDA graphs: work that a stream was given once, given to it again in one call.

pycuda has none, so they are made by cuda-bindings on the handle of a stream. Where that is not installed, or something
in the work cannot be captured, the work is given to the stream anew each time.
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
"""Gives work to a stream, which it does not wait for: the same work at each call."""


class CudaGraph:
    """`work` as one graph on `stream`; as it is where graphs cannot be had. `kind` says which, for people.

    The work has to have run once before: what it sets up at its first run cannot be captured. Capture is in
    thread-local mode, so that other threads may go on calling CUDA. A capture that fails is said, and nothing worse.
    """

    def __init__(self, stream: Stream, work: Work, *, capturable: bool = True) -> None:
        self._work = work
        self._launchable: Any = None
        if capturable:
            self._capture(stream)

    @property
    def kind(self) -> str:
        """How the work is given to the device."""
        return "no graph" if self._launchable is None else "CUDA graph"

    def __call__(self) -> None:
        """Gives the work to the stream."""
        if self._launchable is None:
            self._work()
        else:
            self._called(self._driver.cuGraphLaunch(self._launchable, self._handle))

    def close(self) -> None:
        """Frees the graph; the stream must be done with it."""
        if self._launchable is not None:
            self._called(self._driver.cuGraphExecDestroy(self._launchable))
            self._launchable = None
        self._work = _nothing  # and with it what it works on

    def _capture(self, stream: Stream) -> None:
        try:
            from cuda.bindings import driver as cu
        except ImportError:
            return
        from posestream.engines.cuda.cuda_python import called

        self._driver, self._called, self._handle = cu, called, cu.CUstream(stream.handle)
        called(cu.cuStreamBeginCapture(self._handle, cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL))
        reason = ""
        try:
            with _no_garbage_collected():
                self._work()
        except BackendError as error:
            reason = str(error)
        finally:
            code, graph = cu.cuStreamEndCapture(self._handle)
        if code == cu.CUresult.CUDA_SUCCESS:
            if not reason:
                code, self._launchable = cu.cuGraphInstantiate(graph, 0)
            called(cu.cuGraphDestroy(graph))
        if "CAPTURE" not in code.name and code != cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
            called((code,))  # a device that is lost
        if self._launchable is None:
            log.warning("without a CUDA graph, so slower: %s", reason or f"the work cannot be captured ({code.name})")


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """What would be freed on this thread during a capture could spoil it."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _nothing() -> None:
    """The work of a graph that was closed."""
