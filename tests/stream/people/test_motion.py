import numpy as np
import pytest

from posestream.stream.people.motion import Motion


def test_it_learns_a_constant_velocity_at_any_frame_rate() -> None:
    rng = np.random.default_rng(1)
    motion, now_s = Motion.at_rest(np.zeros(2)), 0.0
    for dt_s in rng.choice([1 / 60, 1 / 30, 1 / 10, 0.3], size=60):
        now_s += dt_s
        motion = motion.predicted(dt_s).corrected(np.array([80.0, -30.0]) * now_s)
    np.testing.assert_allclose(motion.velocity_px_s, [80, -30], rtol=0.01)
    np.testing.assert_allclose(motion.predicted(0.5).centre_px, np.array([80, -30]) * (now_s + 0.5), rtol=0.01)


def test_it_is_the_kalman_filter_of_the_textbook() -> None:
    noise, agitation, start, dt_s = 0.06**2, 3.0, 4.0, 0.1
    state, covariance = np.zeros(2), np.diag([noise, start])
    transition, look = np.array([[1, dt_s], [0, 1]]), np.array([[1.0, 0.0]])
    drive = agitation * np.array([[dt_s**3 / 3, dt_s**2 / 2], [dt_s**2 / 2, dt_s]])
    motion = Motion.at_rest(np.zeros(2))
    for seen in (1.0, 2.5, 2.0, 4.0):
        state, covariance = transition @ state, transition @ covariance @ transition.T + drive
        gain = covariance @ look.T / (look @ covariance @ look.T + noise)
        state, covariance = state + gain[:, 0] * (seen - state[0]), covariance - gain @ look @ covariance
        motion = motion.predicted(dt_s).corrected(np.array([seen, 0.0]))
        np.testing.assert_allclose([motion.centre_px[0], motion.velocity_px_s[0]], state)
        np.testing.assert_allclose(motion.covariance, [covariance[0, 0], covariance[0, 1], covariance[1, 1]])
        assert motion.position_std == pytest.approx(np.sqrt(covariance[0, 0]))


def test_the_longer_unseen_the_less_is_known() -> None:
    motion = Motion.at_rest(np.zeros(2))
    spreads = [motion.predicted(dt_s).position_std for dt_s in (0.0, 0.1, 0.5, 2.0)]
    assert spreads == sorted(spreads)
