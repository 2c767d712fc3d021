"""Jain et al. 2014.

Nobody publishes weights: the authors' code (Theano) comes without. What `python -m tools.train` writes has our names,
and needs no layout. Who has trained that code: its convolutions are true ones, so kernels must be turned by half a
turn to be ours, and its first fully connected layer, (8192, 500), is our `first.weight`, (500, 32, 16, 16).
"""

from posestream.engines.zoo.checkpoints.layout import Layout

LAYOUTS: tuple[Layout, ...] = ()
