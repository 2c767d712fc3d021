"""The restart budget of a process."""

from collections import deque
from dataclasses import dataclass, field

from posestream.stream.config import SupervisorSettings


@dataclass
class Budget:
    """At most `restarts` within `restart_window_s`; all are available again after `restart_refill_s` of health."""

    settings: SupervisorSettings
    spent_ns: deque[int] = field(default_factory=deque)
    healthy_since_ns: int | None = None

    def ready(self, now_ns: int) -> None:
        """Notes that the process became ready."""
        self.healthy_since_ns = now_ns

    def spend(self, now_ns: int) -> bool:
        """Notes that the process died. True if it may be restarted."""
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
