"""The supervisor in a thread of its own, for programs whose main thread has other work."""

import threading

from posestream.stream.run.supervisor import Supervisor
from posestream.stream.run.topology import Topology


class Supervision:
    """A run supervised in the background, from `start` to its own end or to `stop`."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._settled = threading.Event()  # ready, or over before it was
        self._asked_to_stop = threading.Event()
        self._failure: BaseException | None = None
        self._endpoint = ""
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Returns once every process is ready. Raises RunError where that cannot be."""
        self._thread.start()
        self._settled.wait()
        if self.over:
            self.stop()
            self.raise_failure()

    def stop(self) -> None:
        """Stops the processes and waits for their end; may be called twice."""
        self._asked_to_stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def over(self) -> bool:
        """True once all processes have ended."""
        return self._settled.is_set() and not self._thread.is_alive()

    @property
    def endpoint(self) -> str:
        """Where the run publishes."""
        return self._endpoint

    def raise_failure(self) -> None:
        """Raises what ended the run, where it was a failure; once."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        try:
            supervisor = Supervisor(self._topology)
            try:
                supervisor.run(self._on_tick)
            finally:
                supervisor.close()
        except Exception as failure:  # noqa: BLE001  (it is raised in the program's own thread)
            self._failure = failure
        finally:
            self._settled.set()

    def _on_tick(self, supervisor: Supervisor) -> bool:
        if supervisor.running and not self._settled.is_set():
            self._endpoint = supervisor.topology.config.publish.endpoint
            self._settled.set()
        return not self._asked_to_stop.is_set()
