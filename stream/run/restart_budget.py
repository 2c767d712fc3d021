"""How often a process may die: a budget, as data."""

from collections import deque
from dataclasses import dataclass, field

from posestream.stream.config import SupervisorSettings


@dataclass
class Budget:
    """The restarts of one process: so many within a window, and all of them again after a healthy time."""

    settings: SupervisorSettings
    spent_ns: deque[int] = field(default_factory=deque)
    healthy_since_ns: int | None = None

    def ready(self, now_ns: int) -> None:
        """The process came up."""
        self.healthy_since_ns = now_ns

    def spend(self, now_ns: int) -> bool:
        """The process died. True where it may be started again."""
        if self.healthy_since_ns is not None:
            if now_ns - self.healthy_since_ns >= self.settings.restart_refill_s * 1e9:
                self.spent_ns.clear()
            self.healthy_since_ns = None
        while self.spent_ns and now_ns - self.spent_ns[0] > self.settings.restart_window_s * 1e9:
            self.spent_ns.popleft()
        if len(self.spent_ns) >= self.settings.restarts:
            return False
        self.spent_ns.append(now_ns)
        return True
