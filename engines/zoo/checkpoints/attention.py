"""Multi-context attention.

The original (Torch7, bearpaw/pose-attention) is a graph whose modules have no names. To bring its weights here, write
them from Lua, module by module in the order of `model:listModules()`, into an .npz under our own names
(`create("attention").state_dict()` lists them); shapes are the same. The three steps of a mean field share one kernel.
"""

from engines.zoo.checkpoints.layout import Layout

LAYOUTS: tuple[Layout, ...] = ()
