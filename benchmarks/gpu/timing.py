"""Times and rates on a device that computes while the host continues."""

import time
import warnings
from collections.abc import Callable
from statistics import median

import torch

_TURNS = 5


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def milliseconds(task: Callable[[], object], device: torch.device, *, seconds: float) -> float:
    """Milliseconds of one call on the clock, the median of five series of calls that take about `seconds` together.

    Within a series the host may run ahead of the device, as in a program that calls `task` again and again. A call that
    takes longer than `seconds` is measured once.
    """
    task()
    synchronize(device)
    single = _series(task, device, calls=1)
    if single > 1000 * seconds:
        return single
    calls = max(1, min(200, int(1000 * seconds / _TURNS / max(single, 0.001))))
    return median(_series(task, device, calls=calls) for _ in range(_TURNS))


def _series(task: Callable[[], object], device: torch.device, *, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        task()
    synchronize(device)
    return 1000 * (time.perf_counter() - start) / calls


def host_waits(task: Callable[[], object], device: torch.device) -> int | None:
    """How often one call makes the host wait for the device; None on other devices than CUDA."""
    if device.type != "cuda":
        return None
    task()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            task()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def product_teraflops(dtype: torch.dtype, device: torch.device, *, seconds: float, size: int = 8192) -> float:
    """10¹² operations per second of the product of two square matrices of random numbers."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / milliseconds(lambda: a @ b, device, seconds=seconds) / 1e9


def copy_gigabytes(device: torch.device, *, seconds: float, size: int = 1 << 30) -> float:
    """10⁹ bytes per second, read and written, of a copy within the device's memory."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / milliseconds(lambda: target.copy_(source), device, seconds=seconds) / 1e6
