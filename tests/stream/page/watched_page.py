"""The page's process, with a publisher of frames."""

import itertools
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from posestream.stream.ipc.messages import Ready
from tests.stream.consumer_run import ConsumerRun
from tests.stream.publisher import PATIENCE_MS

Picture = NDArray[np.uint8]


class WatchedPage:
    """Starts the process; publishes frames until something is seen."""

    def __init__(self, run: ConsumerRun) -> None:
        self.run = run
        self.child = run.start("page")
        self.url = run.next(Ready).description
        run.publisher.subscription()
        self.seqs = itertools.count()

    def publish_until(self, seen: Callable[[], object], picture: Picture, **changes: Any) -> None:
        """Frames of `picture` go by, as from a camera, until `seen()` is true."""
        deadline_s = time.monotonic() + PATIENCE_MS / 1000
        while not seen():
            assert time.monotonic() < deadline_s, "not seen"
            self.run.publish(picture, **{"seq": next(self.seqs), **changes})

    def status(self) -> Any:
        return msgspec.json.decode(self.get("/status")[1])

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status code and text of an answer."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_MS / 1000) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def stop(self) -> str:
        return self.run.stop("page", self.child)
