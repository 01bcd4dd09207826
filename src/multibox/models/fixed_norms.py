"""Training with fixed statistics: a batch normalization that does not measure becomes part of its convolution."""

from collections.abc import Iterator
from copy import copy

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.mixed import MixedConv2d
from multibox.models.rectified import Rectifier, rectifier_of


class NormalizedConv2d(nn.Module):
    """A convolution, the batch normalization after it, with fixed statistics, and a rectifier if one follows, in one.

    The normalization multiplies each channel with γ / σ and adds β - μ γ / σ. Here the kernel is multiplied instead of
    the map, in each step, so that kernel, γ and β get the same gradients. It saves three passes over the map, and the
    rectifier's own pass.
    """

    def __init__(self, convolution: MixedConv2d, norm: nn.BatchNorm2d, rectifier: Rectifier | None) -> None:
        super().__init__()
        self.convolution, self.norm, self.rectifier = convolution, norm, rectifier

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        norm, convolution = self.norm, self.convolution
        assert norm.running_mean is not None
        assert norm.running_var is not None
        factor = norm.weight * (norm.running_var + norm.eps).rsqrt()
        mean = norm.running_mean if convolution.bias is None else norm.running_mean - convolution.bias
        kernel = convolution.weight * factor[:, None, None, None]
        return convolution.convolve(x, kernel, norm.bias - mean * factor, rectifier=self.rectifier)


def fold_fixed_norms(module: nn.Module) -> nn.Module:
    """A module that computes the same, with fixed batch normalizations as part of the convolutions before them.

    Its parameters, buffers and all layers that stay are those of `module`, which does not change. Fixed is what is in
    evaluation mode now. Modules run their children in order.
    """
    if not any(map(_is_fixed, module.modules())):
        return module
    own = copy(module)
    own._modules = dict(_folded_children(module))
    return own


def _folded_children(module: nn.Module) -> Iterator[tuple[str, nn.Module | None]]:
    children = list(module._modules.items())
    at = 0
    while at < len(children):
        name, child = children[at]
        norm, rectifier = (child for _, child in [*children, ("", None), ("", None)][at + 1 : at + 3])
        at += 1
        if not (isinstance(child, MixedConv2d) and isinstance(norm, nn.BatchNorm2d) and _is_fixed(norm)):
            yield name, None if child is None else fold_fixed_norms(child)
            continue
        found = rectifier_of(rectifier)
        yield name, NormalizedConv2d(child, norm, found)
        for name, _ in children[at : at + (1 if found is None else 2)]:
            yield name, nn.Identity()
            at += 1


def _is_fixed(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d) and module.affine and module.track_running_stats and not module.training
