"""Pose-guided proposals: the published distribution of their edges."""

import numpy as np

from posestream.engines.codecs.proposals import EDGES, propose

BOXES = np.tile(np.array([[100, 200, 300, 600]], np.float32), (20_000, 1))


def test_edges_move_as_they_were_measured() -> None:
    offsets = (propose(BOXES, np.random.default_rng(0), parts=0) - BOXES) / (200, 400, 200, 400)
    assert np.allclose(offsets.mean(axis=0), [edge.mean for edge in EDGES], atol=0.004)
    assert np.allclose(offsets.std(axis=0), [edge.deviation for edge in EDGES], atol=0.004)


def test_parts_lie_within_the_box_and_have_seven_tenths_of_its_sides_or_more() -> None:
    parts = propose(BOXES, np.random.default_rng(0), parts=1)
    sides = (parts[:, 2:] - parts[:, :2]) / (200, 400)
    assert parts[:, :2].min(axis=0).tolist() >= [100, 200] and (parts[:, 2:] <= (300.01, 600.01)).all()
    assert sides.min() >= 0.7 - 1e-4 and sides.max() <= 1
    assert np.allclose(sides.mean(axis=0), 0.85, atol=0.01)


def test_three_in_twenty_are_parts() -> None:
    inside = propose(BOXES, np.random.default_rng(0))
    moved = propose(BOXES, np.random.default_rng(0), parts=0)
    assert 0.13 < (inside != moved).any(axis=1).mean() < 0.17


def test_no_box_is_empty_however_small() -> None:
    tiny = np.tile(np.array([[5, 5, 6, 6]], np.float32), (5000, 1))
    boxes = propose(tiny, np.random.default_rng(0), parts=0)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
