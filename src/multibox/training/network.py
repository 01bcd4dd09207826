"""The network as a training step calls it: compiled where that is asked for, gradients shared between processes."""

import shutil

import torch
from torch import nn

from multibox.errors import UsageError
from multibox.models.ssd import SSD
from multibox.system.distributed import Processes


def training_network(model: SSD, *, compile: bool, processes: Processes) -> nn.Module:
    """What to call instead of `model` in training; its parameters are the model's own.

    Compiled, it takes one size of batch: the first step compiles, none after it does. The loss stays outside, since its
    boxes come in another number with each batch. Raises UsageError where there is no compiler.
    """
    if not compile:
        return processes.averaging(model)
    if model.mean.device.type == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise UsageError("loop.compile=true needs a C++ compiler, and none is installed: install g++ or leave it out")
    return processes.averaging(torch.compile(model, dynamic=False))  # type: ignore[arg-type]
