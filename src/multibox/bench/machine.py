"""What this machine is and how fast it multiplies, to compare with the speed of a detector."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

from multibox.system.clock import synchronize
from multibox.system.precision import DTYPES

_CPU_SIZE, _CPU_REPEATS = 1536, 1
_GPU_SIZE, _GPU_REPEATS = 8192, 10


def describe_machine() -> dict[str, Any]:
    """Processor, cores, threads, load, and versions of Python and PyTorch."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """Name, family and model of the processor: on virtual machines the name alone says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", platform.machine())
    return f"{name}, family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"


def device_name(device: torch.device) -> str:
    """Name of the GPU or the processor, for people."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


@torch.inference_mode()
def product_rate(dtype: torch.dtype, *, device: torch.device | str = "cpu") -> float:
    """Operations per second, in units of 10⁹, of the product of two square matrices; an addition counts as one.

    The matrices hold normally distributed numbers, the same in every call: the time of a GPU depends on the values,
    because switching fewer bits needs less power and allows a higher clock.
    """
    device = torch.device(device)
    size, repeats = (_CPU_SIZE, _CPU_REPEATS) if device.type == "cpu" else (_GPU_SIZE, _GPU_REPEATS)
    generator = torch.Generator(device).manual_seed(0)
    a = torch.randn(size, size, generator=generator, device=device).to(dtype)
    torch.mm(a, a)
    synchronize(device)
    start = perf_counter()
    for _ in range(repeats):
        torch.mm(a, a)
    synchronize(device)
    return repeats * 2 * size**3 / (perf_counter() - start) / 1e9


class ProductRates:
    """Rates of matrix products in several precisions, measured repeatedly during another measurement."""

    def __init__(self, precisions: Sequence[str], *, device: torch.device | str = "cpu") -> None:
        self._device = device
        self._rates: dict[str, list[float]] = {precision: [] for precision in precisions}

    def measure(self) -> None:
        """Measure every precision once."""
        for precision, rates in self._rates.items():
            rates.append(product_rate(DTYPES[precision], device=self._device))

    def medians(self) -> dict[str, float]:
        """Median rate of each precision, in units of 10⁹ operations per second."""
        return {precision: round(median(rates), 1) for precision, rates in self._rates.items()}


def share_of_products(rate: float, *, computes: str, rates: Mapping[str, float]) -> float | None:
    """The share of a network's `rate` in that of matrix products in its precision, None if that was not measured.

    `computes` is a precision or the description of an engine, which names one before any remark. In 8 bits a processor
    should multiply twice as fast as in bfloat16.
    """
    words = computes.partition(";")[0]
    precision = next((word for word in ("int8", "bf16", "fp16", "fp32") if word in words), "")
    possible = 2 * rates.get("bf16", 0.0) if precision == "int8" else rates.get(precision, 0.0)
    return round(rate / possible, 4) if possible else None


def resident_memory() -> float:
    """Resident memory of this process in MiB; 0 if the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_memory(device: torch.device) -> float:
    """Peak memory in MiB: of tensors on a CUDA device, else of this process; 0 if the system does not report it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10
