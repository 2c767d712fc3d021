"""PyraNet.

The original's checkpoint (Torch7, bearpaw/PyraNet) holds a graph whose modules have no names: write its tensors into an
.npz under our own names, by their places in `models/hg-prm.lua`. Shapes are the same. For stack S, counted from 0:

    stem.0.0, stem.0.1            the 7x7 convolution and its normalisation
    stem.1, stem.3, stem.4        pyramid residual modules up to the first hourglass
    hourglasses.S.up1, .low1, .low3   blocks of an hourglass, at its highest level
    hourglasses.S.low2.up1, ...       those a level lower, and so on; at the lowest one `low2` is a block too
    features.S.0, features.S.2.0, features.S.2.1      normalisation, 1x1 convolution, normalisation after it
    outs.S                        the maps
    merge_features.S, merge_maps.S    what goes on to the next stack, of the features and of the maps

And of a block:

    main.0, main.2.0, main.2.1, main.3    normalisation, 1x1 convolution, normalisation, 3x3 convolution
    pyramid.0                             normalisation; in the rest of the pyramid (pyramid.2):
    reductions.0.0, reductions.0.1        1x1 convolution, normalisation
    convs.0 to convs.3                    3x3 convolutions, from the finest level to the coarsest
    activation.0, expansion               normalisation, 1x1 convolution
    expansion.0, expansion.2              after main and pyramid are summed: normalisation, 1x1 convolution
    skip.0, skip.2                        where the original has them: normalisation, 1x1 convolution

The first block, whose input is activated already, lacks main.0 and pyramid.0, and counts main and pyramid two lower.
"""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

LAYOUTS: tuple[CheckpointLayout, ...] = ()
