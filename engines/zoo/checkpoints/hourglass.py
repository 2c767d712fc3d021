"""Stacked Hourglass.

The original (Torch7, princeton-vl/pose-hg-train) is a graph whose modules have no names. To bring its weights here,
write them from Lua, module by module in the order of `model:listModules()`, into an .npz under our own names
(`create("hourglass").state_dict()` lists them in the same order); shapes are the same.
"""

from engines.zoo.checkpoints.layout import Layout

_BEFORE = r"(?:(?:model|module)\.)*"  # of trainers that wrap the network

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        publisher="princeton-vl/pytorch_stacked_hourglass",
        rules=(
            (_BEFORE + r"(pre\.0|features\.\d+\.1)\.conv\.(\w+)", r"\1.0.\2"),
            (_BEFORE + r"(pre\.0|features\.\d+\.1)\.bn\.(\w+)", r"\1.1.\2"),
            (_BEFORE + r"hgs\.(\d+)\.0\.(.+\.bn\d\..+)", r"hgs.\1.\2"),
            (_BEFORE + r"hgs\.(\d+)\.0\.(.+?)\.conv\.(\w+)", r"hgs.\1.\2.\3"),
            (_BEFORE + r"(.+)\.skip_layer\.conv\.(\w+)", r"\1.skip.\2"),
            (_BEFORE + r"(.+?)(?:\.conv)+\.(\w+)", r"\1.\2"),
            (_BEFORE + r"(.+)", r"\1"),
        ),
        # It makes a convolution for every skip and uses those alone where channels change: 7,385,216 dead weights.
        dropped=(_BEFORE + r"(?:pre\.3|hgs\..+|features\..+)\.skip_layer\.conv\.\w+",),
    ),
)
