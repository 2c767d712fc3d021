"""A labelling of nodes that is improved move by move: the state of the local search in `labelling`."""

import numpy as np
from numpy.typing import NDArray

OFF = 0
"""The label of nodes that do not hold; clusters are 1, 2, ..."""

FORBIDDEN = 1e5
"""Added to the cost for each conflict between nodes that hold: more than all costs of a node can make up for."""

_LEAST = 1e-7  # a gain that counts
_UPHILL = 6  # moves of a chain between two clusters without a new best
_AFTERSHOCKS = 4  # the same after a forced move
_EJECTED = 200  # forced moves tried in a round


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

    def _gains(self, nodes: NDArray[np.intp], labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """(nodes, labels): how much the cost would change; infinite where a node has that label already."""
        own = self.labels[nodes]
        change: NDArray[np.float64] = self.values[nodes[:, None], labels] - self.values[nodes, own][:, None]
        change[own[:, None] == labels[None]] = np.inf
        return change

    def descend(self) -> None:
        """Until none gains: single nodes move; clusters fall or join, and pairs of off nodes start a cluster."""
        while True:
            self._move_singles()
            if not self._fall() and not self._join():
                self._relabel(self.labels)
                return

    def _move_singles(self) -> None:
        nodes = np.arange(len(self.labels))
        while len(nodes):
            change = self._gains(nodes, np.arange(self.values.shape[1]))
            node, to = np.unravel_index(change.argmin(), change.shape)
            if change[node, to] > -_LEAST:
                return
            self._move(int(node), int(to))

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
        """Chains of moves from here; True where one gained.

        Between each two clusters and between each and an empty one, as in Kernighan and Lin; and over all clusters,
        with a first move of a node that costs, the cheapest of them.
        """
        gained = False
        member = np.eye(self.values.shape[1])[self.labels]
        near = member.T @ (self._pairwise < 0) @ member > 0
        empty = self.values.shape[1] - 1
        for one, other in zip(*np.nonzero(np.triu(near, 1)), strict=True):
            if one != OFF:
                gained |= self._between(int(one), int(other))
        for one in range(1, empty):
            gained |= self._between(one, self.values.shape[1] - 1)
        self._relabel(self.labels)
        return self._ejections() or gained

    def _between(self, one: int, other: int) -> bool:
        free = np.nonzero((self.labels == one) | (self.labels == other) | self._awake(one, other))[0]
        return self._chain(free, np.array([OFF, one, other]), _UPHILL)

    def _ejections(self) -> bool:
        """Forces single nodes elsewhere and follows with the best moves of the others."""
        nodes, labels = np.arange(len(self.labels)), np.arange(self.values.shape[1])
        change = self._gains(nodes, labels)
        if not change.size:
            return False
        change -= FORBIDDEN * np.round(np.where(np.isfinite(change), change, 0) / FORBIDDEN)
        change[~self._felt(change.min(axis=1))] = np.inf
        gained = False
        for flat in np.argsort(change, axis=None, kind="stable")[: min(_EJECTED, int(np.isfinite(change).sum()))]:
            node, to = divmod(int(flat), len(labels))
            if to < self.values.shape[1] and self.labels[node] != to:
                gained |= self._chain(nodes, np.arange(self.values.shape[1]), _AFTERSHOCKS, (node, to))
        return gained

    def _felt(self, cheapest: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Nodes whose move could make another one move: it weighs more than the `cheapest` move (N,) of that one."""
        reach = 2 * np.abs(self._pairwise) + self._conflicts - cheapest
        np.fill_diagonal(reach, -np.inf)
        felt: NDArray[np.bool_] = reach.max(axis=1) > 0
        return felt

    def _chain(
        self, free: NDArray[np.intp], labels: NDArray[np.intp], uphill: int, forced: tuple[int, int] | None = None
    ) -> bool:
        """Moves of `free` nodes to `labels`: the one `forced`, then each time the best left; each node moves once.

        Ends after `uphill` moves without a new best, and keeps the best beginning. True where it gained.
        """
        undo: list[tuple[int, int]] = []
        total, best, best_length = 0.0, -_LEAST, 0
        while len(free) and len(undo) - best_length < uphill:
            if forced is not None:
                node, to = forced
                change = self.values[node, to] - self.values[node, self.labels[node]]
                forced = None
            else:
                changes = self._gains(free, labels)
                flat = int(changes.argmin())
                change = changes.flat[flat]
                node, to = int(free[flat // len(labels)]), int(labels[flat % len(labels)])
            total += change
            undo.append((node, int(self.labels[node])))
            self._move(node, to)
            free = free[free != node]
            if total < best:
                best, best_length = total, len(undo)
        for node, before in reversed(undo[best_length:]):
            self._move(node, before)
        return best_length > 0

    def _awake(self, one: int, other: int) -> NDArray[np.bool_]:
        """Nodes that are off, and would gain something from a member of the two clusters or are kept off by one."""
        members = (self.labels == one) | (self.labels == other)
        felt = (self._pairwise < 0) | (self._conflicts > 0)
        awake: NDArray[np.bool_] = np.any(felt[:, members], axis=1, keepdims=False) & (self.labels == OFF)
        return awake
