"""The page's figures of each camera, from its published messages alone."""

from collections import deque
from statistics import median

from msgspec import Struct

from posestream.stream.published import CameraState, PoseMessage, StateMessage

WINDOW_NS = 3_000_000_000


class CameraFigures(Struct, frozen=True, kw_only=True):
    """One camera's figures. `fps` and `latency_p50_ms` are over the last 3 s; null: too few messages in them.

    Latency is from the frame's arrival to the publication of its poses. The rest is from the last message.
    """

    state: CameraState
    reason: str
    fps: float | None
    latency_p50_ms: float | None
    people: int
    captured: int
    drops: dict[str, int]


class Figures:
    """Collects one camera's figures."""

    def __init__(self) -> None:
        self._state: CameraState = "connecting"
        self._reason = ""
        self._last: PoseMessage | None = None
        self._recent: deque[tuple[int, int]] = deque()  # time of publication and latency, ns

    def add(self, message: PoseMessage | StateMessage) -> None:
        """Adds a published message."""
        if isinstance(message, StateMessage):
            self._state, self._reason = message.state, message.reason
            return
        self._last = message
        published_ns = message.stamps_ns.get("publish", message.capture_ns)
        self._recent.append((published_ns, published_ns - message.capture_ns))
        self._forget(published_ns)

    def now(self, now_ns: int) -> CameraFigures:
        """The figures at that monotonic time."""
        self._forget(now_ns)
        recent, last = self._recent, self._last
        span_ns = recent[-1][0] - recent[0][0] if recent else 0
        return CameraFigures(
            state=self._state,
            reason=self._reason,
            fps=round((len(recent) - 1) / span_ns * 1e9, 1) if span_ns else None,
            latency_p50_ms=round(median(latency_ns for _, latency_ns in recent) / 1e6, 1) if recent else None,
            people=len(last.people) if last else 0,
            captured=last.captured if last else 0,
            drops=last.drops if last else {},
        )

    def _forget(self, now_ns: int) -> None:
        while self._recent and self._recent[0][0] < now_ns - WINDOW_NS:
            self._recent.popleft()
