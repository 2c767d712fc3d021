"""Node labelling and multicut as an integer linear program: the reference for the local search."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp


def min_cost(unary: NDArray[np.float64], pairwise: NDArray[np.float64], conflicts: NDArray[np.bool_]) -> float:
    """The optimum, by branch and bound: DeepCut's eq. 1-5 with one class a node. For about ten nodes.

    Variables are x for each node (it is on) and y for each pair (both are on, in one cluster), subject to y <= x of
    both ends, y_ab + y_bc <= 1 + y_ac in every triangle, and x_a + x_b <= 1 for nodes in conflict.
    """
    count = len(unary)
    pairs = list(combinations(range(count), 2))
    at = {pair: count + i for i, pair in enumerate(pairs)}
    rows, limits = [], []

    def at_most(limit: float, *terms: tuple[int, int]) -> None:
        row = np.zeros(count + len(pairs))
        for variable, factor in terms:
            row[variable] = factor
        rows.append(row)
        limits.append(limit)

    for a, b in pairs:
        at_most(0, (at[a, b], 1), (a, -1))
        at_most(0, (at[a, b], 1), (b, -1))
        if conflicts[a, b]:
            at_most(1, (a, 1), (b, 1))
    for a, b, c in combinations(range(count), 3):
        sides = (at[a, b], at[b, c], at[a, c])
        for i in range(3):
            at_most(1, (sides[i], 1), (sides[i - 1], 1), (sides[i - 2], -1))
    costs = np.concatenate([unary, [pairwise[pair] for pair in pairs]])
    solution = milp(
        costs,
        constraints=LinearConstraint(np.array(rows), -np.inf, limits),
        integrality=np.ones_like(costs),
        bounds=Bounds(0, 1),
    )
    assert solution.success
    return float(solution.fun)
