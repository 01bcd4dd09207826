"""Training with fixed statistics: a batch normalization that does not measure becomes part of its convolution."""

from collections.abc import Iterator
from copy import copy

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.mixed import MixedConv2d


class NormalizedConv2d(nn.Module):
    """A convolution and the batch normalization after it, with fixed statistics, as one convolution.

    The normalization multiplies each channel with γ / σ and adds β - μ γ / σ. Here the kernel is multiplied instead of
    the map, in each step, so that kernel, γ and β get the same gradients. It saves three passes over the map.
    """

    def __init__(self, convolution: MixedConv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.convolution, self.norm = convolution, norm

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        norm, convolution = self.norm, self.convolution
        assert norm.running_mean is not None
        assert norm.running_var is not None
        factor = norm.weight * (norm.running_var + norm.eps).rsqrt()
        mean = norm.running_mean if convolution.bias is None else norm.running_mean - convolution.bias
        kernel = convolution.weight * factor[:, None, None, None]
        return convolution.convolve(x, kernel, norm.bias - mean * factor)


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
    after = [child for _, child in children[1:]] + [None]
    folded = False
    for (name, child), following in zip(children, after, strict=True):
        if folded:
            yield name, nn.Identity()
            folded = False
        elif isinstance(child, MixedConv2d) and isinstance(following, nn.BatchNorm2d) and _is_fixed(following):
            yield name, NormalizedConv2d(child, following)
            folded = True
        else:
            yield name, None if child is None else fold_fixed_norms(child)


def _is_fixed(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d) and module.affine and module.track_running_stats and not module.training
