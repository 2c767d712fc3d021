"""State of the local search in `labelling`: the labels of nodes, and the cost of every move of one node.

In DeepCut's symbols (Pishchulin et al. 2016, eq. 1) node n is on, x_n = 1, or has the label OFF, x_n = 0; y_nm = 1 for
nodes with the same label. With alpha = `unary` and beta = `pairwise` the objective is

    sum_n alpha_n x_n + sum_{n < m} beta_nm x_n x_m y_nm

`move_cost[n, k]` is the share of node n in it, were k its label: 0 for OFF, else alpha_n plus beta_nm for every other
node m of cluster k. Moving n from label l to k changes the objective by move_cost[n, k] - move_cost[n, l]. The last
column is an empty cluster. For alpha = (-1, -1, -1, 2), beta_01 = -3, beta_02 = beta_12 = 3, beta_03 = -1 and the
labels (1, 1, 2, OFF) the objective is -1 - 1 - 1 - 3 = -6, and no move lowers it:

    move_cost   OFF     1     2   empty     lowest change
    node 0       0     -4*    2    -1       -1 - -4 = 3
    node 1       0     -4*    2    -1       -1 - -4 = 3
    node 2       0      5    -1*   -1       -1 - -1 = 0
    node 3       0*     1     2     2        1 -  0 = 1           * its label
"""

import numpy as np
from numpy.typing import NDArray

OFF = 0
"""The label of nodes that are off; clusters are 1, 2, ..."""

FORBIDDEN = 1e5
"""Added to the move cost of a node for every on node in conflict with it; larger than all other costs of a node."""

_MIN_GAIN = 1e-7
_MAX_UPHILL = 4  # moves of a chain without a new best
_MAX_CHAINS = 200  # tried in a round


class Clusters:
    """Nodes with `labels` (N,) intp and `move_cost` (N, clusters + 2) float64, kept up to date move by move."""

    def __init__(
        self,
        unary: NDArray[np.float64],
        pairwise: NDArray[np.float64],
        conflicts: NDArray[np.bool_],
        labels: NDArray[np.intp],
    ) -> None:
        """`unary` (N,), `pairwise` (N, N) and `conflicts` (N, N), both symmetric, initial `labels` (N,); all copied."""
        self._pairwise = pairwise - np.diag(pairwise.diagonal())
        self._conflicts = np.where(conflicts, FORBIDDEN, 0.0)
        np.fill_diagonal(self._conflicts, 0.0)
        self._unary = unary
        self._relabel(labels)

    def _relabel(self, labels: NDArray[np.intp]) -> None:
        """Takes `labels`, renumbers their clusters without gaps, and recomputes all move costs."""
        used, inverse = np.unique(np.concatenate([[OFF], labels]), return_inverse=True)
        self.labels = np.asarray(inverse[1:], np.intp)
        member = np.eye(len(used) + 1)[self.labels]
        member[:, OFF] = 0
        self.move_cost = self._cost_alone()[:, None] + self._pairwise @ member
        self.move_cost[:, OFF] = 0

    def _cost_alone(self) -> NDArray[np.float64]:
        """(N,) the move cost of each node to an empty cluster."""
        alone: NDArray[np.float64] = self._unary + self._conflicts @ (self.labels != OFF)
        return alone

    def _move(self, node: int, to: int) -> None:
        """Gives one node the label `to`."""
        source = self.labels[node]
        self.labels[node] = to
        if source != OFF:
            self.move_cost[:, source] -= self._pairwise[:, node]
        if to != OFF:
            self.move_cost[:, to] += self._pairwise[:, node]
        if (source == OFF) != (to == OFF) and self._conflicts[node].any():
            self.move_cost[:, 1:] += np.where(to == OFF, -1, 1) * self._conflicts[:, node, None]
        if to == self.move_cost.shape[1] - 1:  # the empty cluster is no longer empty
            self.move_cost = np.column_stack([self.move_cost, self._cost_alone()])

    def _changes(self) -> NDArray[np.float64]:
        """(N, clusters + 2) change of the objective by every move; infinite for the label that a node has."""
        own = np.arange(len(self.labels)), self.labels
        changes: NDArray[np.float64] = self.move_cost - self.move_cost[own][:, None]
        changes[own] = np.inf
        return changes

    def descend(self) -> None:
        """Descends to a local minimum: nodes move, clusters turn off, pairs of clusters or of off nodes join."""
        while True:
            self._move_single_nodes()
            if not self._turn_off_clusters() and not self._join_best_pair():
                self._relabel(self.labels)
                return

    def _move_single_nodes(self) -> None:
        while len(self.labels):
            changes = self._changes()
            node, to = divmod(int(changes.argmin()), changes.shape[1])
            if changes[node, to] > -_MIN_GAIN:
                return
            self._move(node, to)

    def _turn_off_clusters(self) -> bool:
        """Turns off the clusters of positive total cost; True if there was one."""
        own = self.move_cost[np.arange(len(self.labels)), self.labels]
        totals = np.bincount(self.labels, (own + self._unary) / 2, self.move_cost.shape[1])  # a pair is in two costs
        costly = (totals > _MIN_GAIN)[self.labels] & (self.labels != OFF)
        if costly.any():
            self._relabel(np.where(costly, OFF, self.labels))
        return bool(costly.any())

    def _join_best_pair(self) -> bool:
        """Joins the two clusters, or the two off nodes, whose union gains most; True if one gains."""
        off = np.nonzero(self.labels == OFF)[0]
        groups = self.labels.copy()
        groups[off] = self.move_cost.shape[1] + np.arange(len(off))
        names, inverse = np.unique(groups, return_inverse=True)
        member = np.eye(len(names))[inverse]
        changes = member.T @ self._pairwise @ member
        is_off = names >= self.move_cost.shape[1]
        turned_on = np.where(is_off, member.T @ (self.move_cost[:, -1]), 0)
        changes += turned_on[:, None] + turned_on[None] + member.T @ self._conflicts @ member
        changes[is_off[:, None] != is_off[None]] = np.inf  # an off node joining a cluster is a single move
        np.fill_diagonal(changes, np.inf)
        if not changes.size or changes.min() > -_MIN_GAIN:
            return False
        one, other = np.unravel_index(changes.argmin(), changes.shape)
        joined = (inverse == one) | (inverse == other)
        name = self.move_cost.shape[1] - 1 if is_off[one] else names[one]
        self._relabel(np.where(joined, name, self.labels))
        return True

    def improve_by_chains(self) -> bool:
        """Chains of moves as in Kernighan and Lin 1970, each kept up to its best prefix; True if one gained.

        A chain begins with one of the cheapest moves uphill and goes on with the best moves of other nodes.
        """
        changes = self._changes()
        if not changes.size:
            return False
        # The chain's next moves resolve its conflicts, so they do not count for its first one.
        changes -= FORBIDDEN * np.round(np.where(np.isfinite(changes), changes, 0) / FORBIDDEN)
        changes[~self._influences(changes.min(axis=1))] = np.inf
        gained = False
        starts = min(_MAX_CHAINS, int(np.isfinite(changes).sum()))
        for flat in np.argsort(changes, axis=None, kind="stable")[:starts]:
            node, to = divmod(int(flat), changes.shape[1])
            if to < self.move_cost.shape[1] and self.labels[node] != to:
                gained |= self._chain(node, to)
        return gained

    def _influences(self, best_changes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) the nodes whose move can make another node's move gain, whose best change is `best_changes` (N,)."""
        influence = 2 * np.abs(self._pairwise) + self._conflicts - best_changes
        np.fill_diagonal(influence, -np.inf)
        influences: NDArray[np.bool_] = influence.max(axis=1) > 0
        return influences

    def _chain(self, node: int, to: int) -> bool:
        """Moves `node` to the label `to`, then other nodes, each once and the best first; keeps the best prefix."""
        moved: list[tuple[int, int]] = []  # node, label before
        total, best, best_length = 0.0, -_MIN_GAIN, 0
        free = np.ones(len(self.labels), bool)
        change = float(self.move_cost[node, to] - self.move_cost[node, self.labels[node]])
        while True:
            total += change
            moved.append((node, int(self.labels[node])))
            self._move(node, to)
            free[node] = False
            if total < best:
                best, best_length = total, len(moved)
            if len(moved) - best_length == _MAX_UPHILL or not free.any():
                break
            changes = self._changes()
            changes[~free] = np.inf
            node, to = divmod(int(changes.argmin()), changes.shape[1])
            change = float(changes[node, to])
        for node, before in reversed(moved[best_length:]):
            self._move(node, before)
        return best_length > 0
