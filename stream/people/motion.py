"""The motion of a person: constant velocity, however long the time between two measurements."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In body sizes (`similarity.sizes_px`), so that near and far people, and any resolution, share them.
_MEASUREMENT_VARIANCE = 0.06**2  # size^2: centre of a box around a pose that jitters
_FIRST_VELOCITY_VARIANCE = 2.0**2  # (size/s)^2: walking is 1.3, running 4
_ACCELERATION_DENSITY = 3.0  # size^2/s^3: from standing to walking within half a second


@dataclass(frozen=True, slots=True)
class Motion:
    """A Kalman filter of a centre that moves at constant velocity, driven by white acceleration.

    Bar-Shalom, Li and Kirubarajan 2001, "Estimation with Applications to Tracking and Navigation", section 6.2.2. All
    noise is in body sizes, so x and y share one covariance: (position, position and velocity, velocity) in size^2,
    size^2/s, (size/s)^2. `centre_px` (2,) and `velocity_px_s` (2,) are float64 in frame pixels.
    """

    centre_px: NDArray[np.float64]
    velocity_px_s: NDArray[np.float64]
    covariance: tuple[float, float, float]

    @classmethod
    def at_rest(cls, centre_px: NDArray[np.float64]) -> "Motion":
        """The motion after a first measurement."""
        return cls(centre_px, np.zeros(2), (_MEASUREMENT_VARIANCE, 0.0, _FIRST_VELOCITY_VARIANCE))

    def predicted(self, dt_s: float) -> "Motion":
        """The motion `dt_s` later, without a measurement."""
        position, both, velocity = self.covariance
        covariance = (
            position + 2 * both * dt_s + velocity * dt_s**2 + _ACCELERATION_DENSITY * dt_s**3 / 3,
            both + velocity * dt_s + _ACCELERATION_DENSITY * dt_s**2 / 2,
            velocity + _ACCELERATION_DENSITY * dt_s,
        )
        return Motion(self.centre_px + self.velocity_px_s * dt_s, self.velocity_px_s, covariance)

    def corrected(self, centre_px: NDArray[np.float64]) -> "Motion":
        """The motion after another measurement."""
        position, both, velocity = self.covariance
        gain = position / (position + _MEASUREMENT_VARIANCE)
        velocity_gain = both / (position + _MEASUREMENT_VARIANCE)
        error = centre_px - self.centre_px
        covariance = ((1 - gain) * position, (1 - gain) * both, velocity - velocity_gain * both)
        return Motion(self.centre_px + gain * error, self.velocity_px_s + velocity_gain * error, covariance)

    @property
    def position_std(self) -> float:
        """Standard deviation of the position, in body sizes."""
        return float(np.sqrt(self.covariance[0]))
