"""The network in PyTorch on the CPU, with folded weights that are packed for oneDNN once: a copy for detection only.

A convolution of PyTorch on the CPU converts its weights to oneDNN's layout in every call and runs the activation as a
separate pass. The two operators used here are those that PyTorch's compiler emits for frozen models.
"""

from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from multibox.array_nms import ArraySelection
from multibox.detection.engines.engine import EngineConfig, Loaded
from multibox.detection.engines.torch import as_arrays, checked_dtype
from multibox.errors import UsageError
from multibox.models.folded import FoldedSSD
from multibox.models.layers import SamePad
from multibox.models.ssd import SSD
from multibox.postprocess import postprocess
from multibox.system.device import computes_bfloat16, onednn_has_bfloat16

Outputs = tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]
Activation = tuple[str, list[float], str]

_NONE: Activation = ("none", [], "")
_ACTIVATIONS: dict[type[nn.Module], Activation] = {
    nn.ReLU: ("relu", [], ""),
    nn.ReLU6: ("hardtanh", [0.0, 6.0], ""),
    nn.Hardswish: ("hardswish", [], ""),
}


class PackedEngine:
    """Runs a copy of an SSD; later changes of the SSD's parameters have no effect.

    With `precision` "bf16" convolutions compute in bfloat16; postprocessing stays in float32. Raises UsageError for
    another precision than "fp32" and "bf16", and for "bf16" if the processor lacks the instructions.

    Any number of threads may use it; the first call packs the weights while the others wait. In a forked child it works
    with one thread. A pickle holds the weights.
    """

    def __init__(self, model: SSD, *, precision: str = "fp32") -> None:
        folded = FoldedSSD(model, dtype=checked_dtype(precision))
        self.network = folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if can_pack():
            if folded.dtype == torch.bfloat16 and not onednn_has_bfloat16():
                raise UsageError(
                    "precision 'bf16' of engine 'packed' needs a processor with AVX-512 or AVX-NE-CONVERT, which this "
                    "one lacks: choose fp32, or engine torch"
                )
            pack(self.network)
        description = f"PyTorch {torch.__version__} with packed weights, {precision}"
        self.config = EngineConfig(description, model.class_names, model.config, network=model.config.name)
        self._packing = Lock()
        self._packed = False

    @torch.inference_mode()
    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Outputs:
        """Offsets and logits. The memory order of the batch, channels-last, is also that of the network."""
        images = torch.from_numpy(batch).permute(0, 3, 1, 2)
        if not self._packed:
            with self._packing:
                outputs = self.network(images)
                self._packed = True
                return outputs
        return self.network(images)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_packing", "_packed")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _packing=Lock(), _packed=False)

    def postprocess(self, outputs: Outputs) -> list[ArraySelection]:
        """Detections of each image."""
        model = self.network.config
        found = postprocess(
            *outputs,
            coder=self.network.coder,
            settings=model.detection,
            clip=model.clip,
            score_function=model.score_function,
        )
        return [as_arrays(selection) for selection in found]


def load(source: Path | str, *, device: str | None, precision: str | None) -> Loaded:
    """Load a weight file on the CPU; without a `precision` in fp32, because bf16 moves boxes and scores a little."""
    from multibox.weights.source import open_weights

    model, info = open_weights(source)
    engine = PackedEngine(model, precision=precision or "fp32")
    if precision is None and computes_bfloat16(torch.device("cpu")):
        description = f"{engine.config.description}; this processor is faster with precision bf16"
        engine.config = replace(engine.config, description=description)
    return Loaded(engine, info)


def can_pack() -> bool:
    """Whether this build of PyTorch has the operators."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class PackedConvolution(nn.Module):
    """A convolution, the zeros before it and its activation; the first input decides the layout of the weights.

    All inputs must have the size of the first one.
    """

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module | None, zeros: SamePad | None = None) -> None:
        super().__init__()
        self.weight: Tensor = convolution.weight.detach()
        self.bias = None if convolution.bias is None else convolution.bias.detach()
        assert isinstance(convolution.padding, tuple)
        self.geometry = ([*convolution.padding], [*convolution.stride], [*convolution.dilation])
        self.groups = convolution.groups
        self.activation = _NONE if activation is None else _ACTIVATIONS[type(activation)]
        self.zeros = zeros
        self.packed: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        """The weights in plain layout, because PyTorch cannot store packed ones."""
        state = {**vars(self), "packed": None}
        return state if self.packed is None else {**state, "weight": self.packed.to_dense()}

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        if self.packed is None:
            self._pack(x.shape)
        padding, stride, dilation = self.geometry
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.packed, self.bias, padding, stride, dilation, self.groups, *self.activation
        )

    def _pack(self, shape: torch.Size) -> None:
        if self.zeros is not None:
            self._absorb(self.zeros, shape)
            self.zeros = None
        reorder = torch.ops.mkldnn._reorder_convolution_weight
        self.packed = reorder(self.weight, *self.geometry, self.groups, list(shape))
        del self.weight

    def _absorb(self, zeros: SamePad, shape: torch.Size) -> None:
        """Compute the same without a padded copy of the map.

        The operator pads both ends alike, so the kernel gets zeros where the first end has more of them than it should.
        """
        (top, bottom), (left, right) = zeros.zeros(shape[-2]), zeros.zeros(shape[-1])
        wider = F.pad(self.weight, (right - left, 0, bottom - top, 0))
        self.weight = wider.contiguous(memory_format=torch.channels_last)
        self.geometry = ([bottom, right], *self.geometry[1:])


def pack(module: nn.Module) -> None:
    """Replace all convolutions in `module`, each with zeros directly before and an activation directly after it.

    Assumes that modules run their children in order. The weights keep their type; inputs must have the same type.
    """
    for parent in list(module.modules()):
        children = [(name, child) for name, child in parent.named_children() if not isinstance(child, nn.Identity)]
        modules = [None, *(child for _, child in children), None]
        for (name, child), before, after in zip(children, modules, modules[2:], strict=False):
            if isinstance(child, nn.Conv2d):
                activation = after if type(after) in _ACTIVATIONS else None
                zeros = before if isinstance(before, SamePad) and _can_absorb(child) else None
                setattr(parent, name, PackedConvolution(child, activation, zeros))
                for absorbed in (zeros, activation):
                    if absorbed is not None:
                        _drop(parent, absorbed)


def _can_absorb(convolution: nn.Conv2d) -> bool:
    """Whether the zeros before a convolution are all that surround the map, as SamePad counts them."""
    return convolution.padding == (0, 0) and convolution.dilation == (1, 1)


def _drop(parent: nn.Module, child: nn.Module) -> None:
    name = next(name for name, other in parent.named_children() if other is child)
    setattr(parent, name, nn.Identity())
