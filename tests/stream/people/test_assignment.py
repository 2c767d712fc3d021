from itertools import combinations, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp
from numpy.typing import NDArray

from posestream.stream.people.assignment import assign

matrices = stnp.arrays(
    np.float64, st.tuples(st.integers(0, 5), st.integers(0, 5)), elements=st.integers(0, 20).map(lambda n: n / 20)
)


def best_gain(gains: NDArray[np.float64], min_gain: float) -> float:
    """The greatest gain of all assignments, each of them tried."""
    rows, columns = gains.shape
    worth = np.where(gains >= min_gain, gains, 0.0)
    return max(
        float(sum(worth[row, column] for row, column in zip(some_rows, some_columns, strict=True)))
        for n in range(min(rows, columns) + 1)
        for some_rows in combinations(range(rows), n)
        for some_columns in permutations(range(columns), n)
    )


@given(matrices, st.sampled_from([0.05, 0.3, 0.7]))
@settings(max_examples=300)
def test_it_is_as_good_as_the_best_of_all_assignments(gains: NDArray[np.float64], min_gain: float) -> None:
    pairs = assign(gains, min_gain)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(gains[pair] >= min_gain for pair in pairs)
    assert np.isclose(sum(gains[pair] for pair in pairs), best_gain(gains, min_gain))


def test_nobody_has_to_be_paired() -> None:
    assert assign(np.array([[0.1, 0.0], [0.0, 0.1]]), min_gain=0.2) == []


def test_two_good_pairs_beat_one_better_one() -> None:
    assert assign(np.array([[0.9, 0.8], [0.8, 0.0]]), min_gain=0.2) == [(0, 1), (1, 0)]
