"""Grouping of joints into people by their tags.

Newell et al. 2017, "Associative Embedding: End-to-End Learning for Joint Detection and Grouping", section 3.3, with the
assignment of its authors' code: by the rounded distance of tags, then by the joint's score.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

# Joints of COCO-17 in the order of assembly: head and trunk first, legs last.
ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)

_DISTANCE_COST = 100  # of a rounded distance of 1 between tags, against a joint's score of at most 1
_TIE_COST = 1e-3  # of the distance before rounding: breaks ties that the authors' code leaves to chance


class Candidates(NamedTuple):
    """C candidate joints: `types` (C,), `places` (C, 2) x and y in cells, `scores` (C,) and `tags` (C,)."""

    types: NDArray[np.intp]
    places: NDArray[np.intp]
    scores: NDArray[np.float32]
    tags: NDArray[np.float32]


def group(found: Candidates, max_distance: float) -> NDArray[np.intp]:
    """People (P, 17): the index of each joint's candidate, -1 for none.

    A candidate joins the person with the nearest mean tag, or starts a new person if that is `max_distance` or more
    away.
    """
    people: list[NDArray[np.intp]] = []
    for joint in ORDER:
        (mine,) = np.nonzero(found.types == joint)
        joined = _join(found, mine, people, max_distance)
        for candidate in mine.tolist():
            if candidate in joined:
                joined[candidate][joint] = candidate
            else:
                person = np.full(len(ORDER), -1, np.intp)
                person[joint] = candidate
                people.append(person)
    return np.stack(people) if people else np.zeros((0, len(ORDER)), np.intp)


def _join(
    found: Candidates, mine: NDArray[np.intp], people: list[NDArray[np.intp]], max_distance: float
) -> dict[int, NDArray[np.intp]]:
    """The person of each of the candidates `mine`, all of one type, that joins one of `people`."""
    if not people or not len(mine):
        return {}
    means = np.array([found.tags[person[person >= 0]].mean() for person in people])
    apart = np.abs(found.tags[mine][:, None] - means)
    tie_cost = np.minimum(apart, max_distance) * _TIE_COST  # beyond `max_distance` all are new people alike
    cost = np.round(apart) * _DISTANCE_COST - found.scores[mine][:, None] + tie_cost
    rows, columns = linear_sum_assignment(cost)
    near = apart[rows, columns] < max_distance
    return {int(mine[row]): people[column] for row, column in zip(rows[near], columns[near], strict=True)}
