"""The best one-to-one assignment between two small groups."""

import numpy as np
from numpy.typing import NDArray


def assign(gains: NDArray[np.float64], min_gain: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of an (R, C) matrix, each row and column once at most, with the greatest sum of gains.

    Only pairs that gain `min_gain` or more are made; an unpaired row gains nothing. Shortest augmenting paths over dual
    prices, O(n^3): Jonker and Volgenant 1987, "A shortest augmenting path algorithm for dense and sparse linear
    assignment problems", section 2, without its initialisation, which pays only for large n.
    """
    possible = gains >= min_gain
    some_rows, some_columns = np.flatnonzero(possible.any(axis=1)), np.flatnonzero(possible.any(axis=0))
    if len(some_rows) > len(some_columns):
        return sorted((row, column) for column, row in assign(gains.T, min_gain))
    costs = -np.where(possible, gains, 0.0)[np.ix_(some_rows, some_columns)]
    rows, columns = costs.shape
    row_of = np.full(columns, -1, np.intp)
    row_prices, column_prices = np.zeros(rows), np.zeros(columns)
    for row in range(rows):
        _augment(row, costs, row_of, row_prices, column_prices)
    taken = row_of >= 0
    pairs = zip(some_rows[row_of[taken]].tolist(), some_columns[taken].tolist(), strict=True)
    return sorted((row, column) for row, column in pairs if possible[row, column])


def _augment(
    start: int,
    costs: NDArray[np.float64],
    row_of: NDArray[np.intp],
    row_prices: NDArray[np.float64],
    column_prices: NDArray[np.float64],
) -> None:
    """Gives row `start` a column, moving other rows along the cheapest path to a free one; changes the last three."""
    columns = costs.shape[1]
    distances = np.full(columns, np.inf)
    came_from = np.full(columns, start, np.intp)  # the row from which the path reaches each column
    scanned = np.zeros(columns, np.bool_)
    row, reached = start, 0.0
    while True:
        through = reached + costs[row] - row_prices[row] - column_prices
        shorter = ~scanned & (through < distances)
        distances[shorter], came_from[shorter] = through[shorter], row
        column = int(np.argmin(np.where(scanned, np.inf, distances)))
        reached = float(distances[column])
        scanned[column] = True
        if row_of[column] < 0:
            break
        row = int(row_of[column])
    row_prices[start] += reached
    inner = scanned & (row_of >= 0)
    row_prices[row_of[inner]] += reached - distances[inner]
    column_prices[scanned] -= reached - distances[scanned]
    while True:
        row = int(came_from[column])
        taken = np.flatnonzero(row_of == row)
        row_of[column] = row
        if row == start:
            return
        column = int(taken[0])
