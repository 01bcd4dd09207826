"""Convolutions of oneDNN with weights laid out for it once, joined with the activation that follows.

A convolution of PyTorch on the CPU brings its weights into oneDNN's layout at every call and leaves the activation to
a pass of its own. The two operators used here are those that PyTorch's compiler emits for frozen models.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

Activation = tuple[str, list[float], str]

_NONE: Activation = ("none", [], "")
_ACTIVATIONS: dict[type[nn.Module], Activation] = {
    nn.ReLU: ("relu", [], ""),
    nn.ReLU6: ("hardtanh", [0.0, 6.0], ""),
    nn.Hardswish: ("hardswish", [], ""),
}


def is_available() -> bool:
    """Whether this build of PyTorch has the operators."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class PrepackedConvolution(nn.Module):
    """A convolution and its activation; the weights take their final layout when the first input shows its size."""

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module | None) -> None:
        super().__init__()
        self.weight: Tensor = convolution.weight.detach()
        self.bias = None if convolution.bias is None else convolution.bias.detach()
        assert isinstance(convolution.padding, tuple)
        self.geometry = ([*convolution.padding], [*convolution.stride], [*convolution.dilation])
        self.groups = convolution.groups
        self.activation = _NONE if activation is None else _ACTIVATIONS[type(activation)]
        self.packed: Tensor | None = None

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        padding, stride, dilation = self.geometry
        if self.packed is None:
            pack = torch.ops.mkldnn._reorder_convolution_weight
            self.packed = pack(self.weight, padding, stride, dilation, self.groups, list(x.shape))
            del self.weight
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.packed, self.bias, padding, stride, dilation, self.groups, *self.activation
        )


def prepack(module: nn.Module) -> None:
    """Replace all convolutions in `module`, with the activation right after, where modules run their children in order.

    The weights keep their type, which inputs have to have too.
    """
    for parent in list(module.modules()):
        children = [(name, child) for name, child in parent.named_children() if not isinstance(child, nn.Identity)]
        following = [*(child for _, child in children[1:]), None]
        for (name, child), after in zip(children, following, strict=False):
            if isinstance(child, nn.Conv2d):
                activation = after if type(after) in _ACTIVATIONS else None
                setattr(parent, name, PrepackedConvolution(child, activation))
                if activation is not None:
                    _drop(parent, activation)


def _drop(parent: nn.Module, child: nn.Module) -> None:
    name = next(name for name, other in parent.named_children() if other is child)
    setattr(parent, name, nn.Identity())
