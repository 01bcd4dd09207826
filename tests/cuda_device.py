"""What the tests on a CUDA device share: their marks, the device, exact float32, and errors for waiting.

`MULTIBOX_GPU_TESTS=cpu` rehearses them on a processor, to find mistakes in the tests themselves.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from benchmarks.gpu import ours

CUDA = torch.device(os.environ.get("MULTIBOX_GPU_TESTS", "cuda"))
REHEARSAL = CUDA.type == "cpu"
NEEDS_CUDA = [
    pytest.mark.gpu,
    pytest.mark.skipif(not (REHEARSAL or torch.cuda.is_available()), reason="this machine has no CUDA device"),
]
PRECISIONS = [ours.FP32, ours.BF16, *([] if REHEARSAL else [ours.FP16])]


@contextmanager
def exact_float32() -> Iterator[None]:
    """Convolutions and products in float32 proper instead of TF32, which rounds inputs to 10 bits."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def no_waiting() -> Iterator[None]:
    """Make it an error if the host waits for the device."""
    if REHEARSAL:
        yield
        return
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@contextmanager
def deterministic() -> Iterator[None]:
    """Algorithms that add in the same order in every run, as far as PyTorch has them."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about operations that have no deterministic version
            yield
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = before
