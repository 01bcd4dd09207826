"""The network as a training step calls it: compiled, in lower precision, with gradients averaged over processes."""

import shutil
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

from multibox.errors import UsageError
from multibox.models.fixed_norms import fold_fixed_norms
from multibox.models.ssd import SSD
from multibox.system.device import computes_bfloat16
from multibox.system.distributed import Processes
from multibox.system.precision import DTYPES

TrainingPrecision = Literal["auto", "fp32", "bf16", "fp16"]


def training_network(model: SSD, *, compile: bool, processes: Processes) -> nn.Module:
    """Return the module to call instead of `model` in training; it shares the model's parameters.

    On a processor, batch normalizations that are in evaluation mode now become part of their convolutions.

    A compiled network accepts one batch size only, so that nothing is compiled after the first step. The loss is not
    compiled, because the number of boxes changes with each batch. Raises UsageError if there is no compiler.
    """
    network = fold_fixed_norms(model) if model.mean.device.type == "cpu" else model
    if not compile:
        return processes.averaging(network)
    if model.mean.device.type == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise UsageError(
            "loop.compile=true needs a C++ compiler, which is not installed: install g++, or leave the setting out"
        )
    return processes.averaging(torch.compile(network, dynamic=False))  # type: ignore[arg-type]


def computing_type(precision: TrainingPrecision, device: torch.device) -> torch.dtype:
    """Return the number type of the network for a precision; "auto" is bfloat16 on devices that are faster with it.

    Weights, loss and optimizer stay in float32. Raises UsageError for fp16 on other devices than CUDA: a step on a
    processor would take minutes.
    """
    if precision == "fp16" and device.type != "cuda":
        raise UsageError(f"loop.precision=fp16 needs a CUDA device, this is {device.type}: choose auto, fp32 or bf16")
    if precision == "auto":
        precision = "bf16" if computes_bfloat16(device) else "fp32"
    return DTYPES[precision]


def computing_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Compute convolutions in `dtype` inside the block."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)
