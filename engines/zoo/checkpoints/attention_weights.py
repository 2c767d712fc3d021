"""Multi-context attention.

The original's checkpoint (Torch7, bearpaw/pose-attention) holds a graph whose modules have no names: write its tensors
into an .npz under our own names, by their places in `models/hg-attention.lua`. Shapes are the same. For stack S,
counted from 0:

    stem.0.0, stem.0.1            the 7x7 convolution and its normalisation
    stem.1, 3, 4, 6, 7, 8         residual blocks up to the first hourglass; between them are poolings
    stacks.S.hourglass.up1.0, .low1.0, .low3.0    its residual blocks; up1.1 and up1.2 are hourglass residual units
    stacks.S.hourglass.low2.up1.0, ...            those a level lower, with one unit less, and so on; at the lowest one
                                                  low2.0 is a block too
    stacks.S.first, stacks.S.second               1x1 convolutions (.0) with normalisation (.1): `ll1` and `ll2`
    stacks.S.holistic             attention of the whole body: `unary` is the 3x3 convolution, `pairwise` the 11x11 one
    stacks.S.out                  the maps; in the later half of the stacks, of joint J, out.attentions.J and out.outs.J
    stacks.S.onward.0, stacks.S.onward.1          what goes on to the next stack, of the maps and of the features

Blocks have bn1, conv1, bn2, conv2, bn3, conv3, and where channels change `skip`; units beside these pooled.0, 3, 4, 6.
The three steps of an attention share one `pairwise`.
"""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

LAYOUTS: tuple[CheckpointLayout, ...] = ()
