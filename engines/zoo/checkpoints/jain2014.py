from engines.zoo.checkpoints.layout import Layout

LAYOUTS: tuple[Layout, ...] = ()
