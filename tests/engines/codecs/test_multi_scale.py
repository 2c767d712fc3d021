"""Multi-scale test: maps of several scales are averaged at the same places."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.codecs.multi_scale import mean_over_scales
from posestream.engines.geometry import at_scale, to_frame
from posestream.engines.plan import Region

REGION = Region(10, 20, 368, 368)
PLACE = (230.0, 150.0)  # in the frame
CPM_SCALES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
MIDDLE = np.array([22.5, 22.5])


def maps_at(scale: float) -> NDArray[np.float32]:
    """A map (1, 1, 46, 46) with a Gaussian at `PLACE`, for the region at that scale."""
    region = at_scale(REGION, scale)
    rows, columns = np.mgrid[:46, :46]
    points = to_frame(np.stack([columns, rows], axis=-1) * 8.0 + 3.5, region, (368, 368))
    return np.exp(-((points - PLACE) ** 2).sum(axis=-1) / (2 * 16**2))[None, None].astype(np.float32)  # type: ignore[no-any-return]


def test_a_place_is_at_the_same_cell_at_every_scale() -> None:
    assert (
        np.abs(mean_over_scales([maps_at(scale) for scale in CPM_SCALES], CPM_SCALES, MIDDLE) - maps_at(1.0)).max()
        < 0.06
    )


def test_one_scale_is_itself() -> None:
    assert np.allclose(mean_over_scales([maps_at(1.0)], [1.0], MIDDLE), maps_at(1.0), atol=1e-6)


def test_every_scale_needs_its_maps() -> None:
    with pytest.raises(ValueError, match="maps of 1 scales, 2 scales"):
        mean_over_scales([maps_at(1.0)], [1.0, 1.1], MIDDLE)
