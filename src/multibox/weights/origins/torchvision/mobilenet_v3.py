"""The names of MobileNetV3-Large's tensors: ours and torchvision's."""

from collections.abc import Sequence

from multibox.models.bases.mobilenet_v3 import LARGE, STEM

_STATISTICS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def convolution_table(ours: str, theirs: str) -> dict[str, str]:
    """Our names and torchvision's for a convolution without bias and its normalization, given both prefixes."""
    table = {f"{ours}.0.weight": f"{theirs}.0.weight"}
    return table | {f"{ours}.1.{kind}": f"{theirs}.1.{kind}" for kind in _STATISTICS}


def block_table(block: int, parts: Sequence[str]) -> dict[str, str]:
    """The same for one inverted residual. `parts` are torchvision's prefixes of its layers, in order.

    Blocks with fewer layers do not use the last ones.
    """
    row = LARGE[block]
    widens = row.expanded != (LARGE[block - 1].out if block else STEM)
    names = ["expand"] * widens + ["depthwise"] + ["squeeze"] * row.squeeze + ["project"]
    table: dict[str, str] = {}
    for name, theirs in zip(names, parts, strict=False):
        ours = f"base.blocks.{block}.{name}"
        if name != "squeeze":
            table |= convolution_table(ours, theirs)
            continue
        for kind in ("weight", "bias"):
            table |= {f"{ours}.reduce.{kind}": f"{theirs}.fc1.{kind}", f"{ours}.expand.{kind}": f"{theirs}.fc2.{kind}"}
    return table
