"""Joints become people by their tags: joints whose tags are alike are of one person.

Newell et al. 2017, "Associative Embedding: End-to-End Learning for Joint Detection and Grouping", section 3.3, with the
assignment of its authors' code: the distance of tags, rounded, decides; of equal ones the surer joint.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

# Joints of COCO-17 in the order in which people are put together: head and trunk first, legs last.
ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)

_FAR = 100  # of a distance of 1 between tags, against a joint's score of at most 1
_NEARER = 1e-3  # of the distance before rounding, up to `most_apart`: decides where the authors leave it to chance


class Candidates(NamedTuple):
    """What may be joints: types (C,), places (C, 2) x and y in cells, scores (C,) and tags (C,)."""

    types: NDArray[np.intp]
    places: NDArray[np.intp]
    scores: NDArray[np.float32]
    tags: NDArray[np.float32]


def group(found: Candidates, most_apart: float) -> NDArray[np.intp]:
    """People (P, 17): the index of the candidate that is each joint, -1 where there is none.

    A candidate joins the person whose mean tag is nearest, unless it is `most_apart` or more away: then it is the first
    joint of another person.
    """
    people: list[NDArray[np.intp]] = []
    for joint in ORDER:
        (mine,) = np.nonzero(found.types == joint)
        joined = _join(found, mine, people, most_apart)
        for candidate in mine.tolist():
            if candidate in joined:
                joined[candidate][joint] = candidate
            else:
                person = np.full(len(ORDER), -1, np.intp)
                person[joint] = candidate
                people.append(person)
    return np.stack(people) if people else np.zeros((0, len(ORDER)), np.intp)


def _join(
    found: Candidates, mine: NDArray[np.intp], people: list[NDArray[np.intp]], most_apart: float
) -> dict[int, NDArray[np.intp]]:
    """Which of the candidates `mine`, all of one type, belongs to which of the people there are."""
    if not people or not len(mine):
        return {}
    means = np.array([found.tags[person[person >= 0]].mean() for person in people])
    apart = np.abs(found.tags[mine][:, None] - means)
    nearer = np.minimum(apart, most_apart) * _NEARER  # farther than that is another person, however far
    cost = np.round(apart) * _FAR - found.scores[mine][:, None] + nearer
    rows, columns = linear_sum_assignment(cost)
    near = apart[rows, columns] < most_apart
    return {int(mine[row]): people[column] for row, column in zip(rows[near], columns[near], strict=True)}
