"""A labelling of nodes that is improved move by move: the state of the local search in `labelling`."""

import numpy as np
from numpy.typing import NDArray

OFF = 0
"""The label of nodes that do not hold; clusters are 1, 2, ..."""

FORBIDDEN = 1e5
"""Added to the cost for each conflict between nodes that hold: more than all costs of a node can make up for."""

_LEAST = 1e-7  # a gain that counts
_UPHILL = 4  # moves of a chain without a new best
_CHAINS = 200  # tried in a round


class Clusters:
    """Nodes with labels, and what every node would cost in every cluster.

    `values[n, k]` is the cost that node n adds where it is, or moves to, label k: 0 in column OFF, its unary cost and
    the sum of its pairwise costs with the members elsewhere. The last column is always an empty cluster.
    """

    def __init__(
        self,
        unary: NDArray[np.float64],
        pairwise: NDArray[np.float64],
        conflicts: NDArray[np.bool_],
        labels: NDArray[np.intp],
    ) -> None:
        """Symmetric `pairwise` costs and `conflicts` (N, N); `labels` (N,) to begin with; all are copied."""
        self._pairwise = pairwise - np.diag(pairwise.diagonal())
        self._conflicts = np.where(conflicts, FORBIDDEN, 0.0)
        np.fill_diagonal(self._conflicts, 0.0)
        self._unary = unary
        self._relabel(labels)

    def _relabel(self, labels: NDArray[np.intp]) -> None:
        """Takes `labels`, numbers their clusters without gaps, and computes all values anew."""
        used, inverse = np.unique(np.concatenate([[OFF], labels]), return_inverse=True)
        self.labels = np.asarray(inverse[1:], np.intp)
        member = np.eye(len(used) + 1)[self.labels]
        member[:, OFF] = 0
        alone = self._unary + self._conflicts @ (self.labels != OFF)
        self.values = alone[:, None] + self._pairwise @ member
        self.values[:, OFF] = 0

    def _move(self, node: int, to: int) -> None:
        """Gives one node another label."""
        source = self.labels[node]
        self.labels[node] = to
        if source != OFF:
            self.values[:, source] -= self._pairwise[:, node]
        if to != OFF:
            self.values[:, to] += self._pairwise[:, node]
        if (source == OFF) != (to == OFF) and self._conflicts[node].any():
            self.values[:, 1:] += np.where(to == OFF, -1, 1) * self._conflicts[:, node, None]
        if to == self.values.shape[1] - 1:  # the empty one is no longer empty
            empty = self._unary + self._conflicts @ (self.labels != OFF)
            self.values = np.column_stack([self.values, empty])

    def _gains(self) -> NDArray[np.float64]:
        """Of every node in every label: how much the cost would change; infinite where it has that label already."""
        at = np.arange(len(self.labels)), self.labels
        change: NDArray[np.float64] = self.values - self.values[at][:, None]
        change[at] = np.inf
        return change

    def descend(self) -> None:
        """Until none gains: single nodes move; clusters fall or join, and pairs of off nodes start a cluster."""
        while True:
            self._move_singles()
            if not self._fall() and not self._join():
                self._relabel(self.labels)
                return

    def _move_singles(self) -> None:
        while len(self.labels):
            change = self._gains()
            node, to = divmod(int(change.argmin()), change.shape[1])
            if change[node, to] > -_LEAST:
                return
            self._move(node, to)

    def _fall(self) -> bool:
        """Whole clusters that cost something are turned off."""
        own = self.values[np.arange(len(self.labels)), self.labels]
        sums = np.bincount(self.labels, (own + self._unary) / 2, self.values.shape[1])  # pairs are in two values
        fallen = (sums > _LEAST)[self.labels] & (self.labels != OFF)
        if fallen.any():
            self._relabel(np.where(fallen, OFF, self.labels))
        return bool(fallen.any())

    def _join(self) -> bool:
        """The two clusters, or the two nodes that are off, that gain most by joining."""
        off = np.nonzero(self.labels == OFF)[0]
        groups = self.labels.copy()
        groups[off] = self.values.shape[1] + np.arange(len(off))
        names, inverse = np.unique(groups, return_inverse=True)
        member = np.eye(len(names))[inverse]
        change = member.T @ self._pairwise @ member
        is_off = names >= self.values.shape[1]
        awakened = np.where(is_off, member.T @ (self.values[:, -1]), 0)  # an empty cluster: unary and conflicts
        change += awakened[:, None] + awakened[None] + member.T @ self._conflicts @ member
        change[is_off[:, None] != is_off[None]] = np.inf  # a node joining a cluster is a single move
        np.fill_diagonal(change, np.inf)
        if not change.size or change.min() > -_LEAST:
            return False
        one, other = np.unravel_index(change.argmin(), change.shape)
        joined = (inverse == one) | (inverse == other)
        name = self.values.shape[1] - 1 if is_off[one] else names[one]
        self._relabel(np.where(joined, name, self.labels))
        return True

    def chains(self) -> bool:
        """Chains of moves from here, as in Kernighan and Lin; True where one gained.

        Each begins with a move of a node that costs, the cheapest first, and follows with the best moves of the others.
        """
        change = self._gains()
        if not change.size:
            return False
        change -= FORBIDDEN * np.round(np.where(np.isfinite(change), change, 0) / FORBIDDEN)  # a swap is no hill
        change[~self._felt(change.min(axis=1))] = np.inf
        gained = False
        for flat in np.argsort(change, axis=None, kind="stable")[: min(_CHAINS, int(np.isfinite(change).sum()))]:
            node, to = divmod(int(flat), change.shape[1])
            if to < self.values.shape[1] and self.labels[node] != to:
                gained |= self._chain(node, to)
        return gained

    def _felt(self, cheapest: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Nodes whose move could make another one move: it weighs more than the `cheapest` move (N,) of that one."""
        reach = 2 * np.abs(self._pairwise) + self._conflicts - cheapest
        np.fill_diagonal(reach, -np.inf)
        felt: NDArray[np.bool_] = reach.max(axis=1) > 0
        return felt

    def _chain(self, node: int, to: int) -> bool:
        """Moves `node` to the label `to`, then each time what is best, each node once; keeps the best beginning."""
        moved: list[tuple[int, int]] = []  # and the label before
        total, best, best_length = 0.0, -_LEAST, 0
        free = np.ones(len(self.labels), bool)
        change = float(self.values[node, to] - self.values[node, self.labels[node]])
        while True:
            total += change
            moved.append((node, int(self.labels[node])))
            self._move(node, to)
            free[node] = False
            if total < best:
                best, best_length = total, len(moved)
            if len(moved) - best_length == _UPHILL or not free.any():
                break
            changes = self._gains()
            changes[~free] = np.inf
            node, to = divmod(int(changes.argmin()), changes.shape[1])
            change = float(changes[node, to])
        for node, before in reversed(moved[best_length:]):
            self._move(node, before)
        return best_length > 0
