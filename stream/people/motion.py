"""Where a person is going: constant velocity, however long the time between two looks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In body sizes (`similarity.sizes_px`), so that near and far people, and any resolution, share them.
_MEASURED = 0.06**2  # size^2: centre of a box around a pose that jitters
_START = 2.0**2  # (size/s)^2: walking is 1.3, running 4
_AGITATION = 3.0  # size^2/s^3: from standing to walking within half a second


@dataclass(frozen=True, slots=True)
class Motion:
    """A Kalman filter of a centre that moves at constant velocity, driven by white acceleration.

    Bar-Shalom, Li and Kirubarajan 2001, "Estimation with Applications to Tracking and Navigation", section 6.2.2. All
    noise is in body sizes, so x and y share one covariance, (place, both, speed) in size^2, size^2/s, (size/s)^2.
    `centre_px` (2,) and `velocity_px_s` (2,) are float64 in frame pixels.
    """

    centre_px: NDArray[np.float64]
    velocity_px_s: NDArray[np.float64]
    covariance: tuple[float, float, float]

    @classmethod
    def standing(cls, centre_px: NDArray[np.float64]) -> "Motion":
        """Somebody seen for the first time."""
        return cls(centre_px, np.zeros(2), (_MEASURED, 0.0, _START))

    def after(self, dt_s: float) -> "Motion":
        """The motion `dt_s` later, unseen."""
        place, both, speed = self.covariance
        covariance = (
            place + 2 * both * dt_s + speed * dt_s**2 + _AGITATION * dt_s**3 / 3,
            both + speed * dt_s + _AGITATION * dt_s**2 / 2,
            speed + _AGITATION * dt_s,
        )
        return Motion(self.centre_px + self.velocity_px_s * dt_s, self.velocity_px_s, covariance)

    def seen_at(self, centre_px: NDArray[np.float64]) -> "Motion":
        """The motion corrected by a look."""
        place, both, speed = self.covariance
        gain, speed_gain = place / (place + _MEASURED), both / (place + _MEASURED)
        error = centre_px - self.centre_px
        covariance = ((1 - gain) * place, (1 - gain) * both, speed - speed_gain * both)
        return Motion(self.centre_px + gain * error, self.velocity_px_s + speed_gain * error, covariance)

    @property
    def spread(self) -> float:
        """Standard deviation of the place, in body sizes."""
        return float(np.sqrt(self.covariance[0]))
