"""Jain et al. 2014.

No weights are published: the authors' code (Theano) comes without. Checkpoints of `python -m tools.train` have our
names, and need no layout. Of a network trained with the authors' code: its convolutions are true ones, so kernels must
be rotated by 180 degrees, and its first fully connected layer, (8192, 500), is our `first.weight`, (500, 32, 16, 16).
"""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

LAYOUTS: tuple[CheckpointLayout, ...] = ()
