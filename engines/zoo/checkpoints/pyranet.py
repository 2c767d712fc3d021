"""PyraNet.

The original (Torch7, bearpaw/PyraNet) is a graph whose modules have no names. To bring its weights here, write them
from Lua, module by module in the order of `model:listModules()`, into an .npz under our own names
(`create("pyranet").state_dict()` lists them: in each block the plain branch, then the pyramid, then the skip); shapes
are the same.
"""

from engines.zoo.checkpoints.layout import Layout

LAYOUTS: tuple[Layout, ...] = ()
