"""The number type in which the network computes; weights, loss and optimizer stay in float32."""

from contextlib import AbstractContextManager, nullcontext

import torch

from multibox.errors import UsageError
from multibox.system.device import computes_bfloat16


def computing_type(precision: str, device: torch.device) -> torch.dtype:
    """The type that "auto", "float32", "bfloat16" or "float16" means on a device; "auto" is bfloat16 where it pays.

    Raises UsageError for float16 elsewhere than on CUDA: on a processor a step takes minutes.
    """
    if precision == "float16" and device.type != "cuda":
        raise UsageError(f"loop.precision=float16 needs a CUDA device, this is {device.type}: choose auto or bfloat16")
    if precision == "auto":
        precision = "bfloat16" if computes_bfloat16(device) else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]


def computing_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """While it lasts, convolutions compute in `dtype`."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)
