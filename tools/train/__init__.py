"""Trains any network of the literature from random weights until it knows a handful of annotated images by heart.

That shows that network, targets, loss and codec belong together; for a network of use there must be more images than a
handful, and augmentation, which is not here.
"""


class TrainError(ValueError):
    """What was asked for cannot be trained; the message is one line that says what to do."""
