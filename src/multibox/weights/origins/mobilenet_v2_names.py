"""The names of MobileNetV2's tensors in files of tonylins/pytorch-mobilenet-v2 and of the programs that build on it.

They list the layers of a block one after another: convolution, normalization, activation. Torchvision, whose names are
ours, nests the first ones.
"""

import re

_NESTED = re.compile(r"^(.*\.conv)\.(\d)\.([01])\.(\w+)$")
_LAST = re.compile(r"^(.*\.conv)\.(\d)\.(\w+)$")


def flat_name(ours: str) -> str:
    """Their name of a tensor of the network's `features`."""
    nested = _NESTED.match(ours)
    if nested:
        block, part, layer, kind = nested.groups()
        return f"{block}.{3 * int(part) + int(layer)}.{kind}"
    last = _LAST.match(ours)
    if not last:
        return ours
    block, part, kind = last.groups()
    # The block without expansion, which is the first one, has one nested layer, the others have two.
    nested_layers = 1 if block.endswith("features.1.conv") else 2
    return f"{block}.{3 * nested_layers + int(part) - nested_layers}.{kind}"
