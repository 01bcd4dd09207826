"""What this machine is and how fast it multiplies: beside these numbers, those of a detector mean something."""

import os
import platform
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from multibox.bench.clock import synchronize

_SIZE = 1536
_GPU_SIZE, _GPU_REPEATS = 8192, 10


def machine() -> dict[str, Any]:
    """Processor, cores in use, load, and versions of what computes."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """Vendor's name, family and model, where Linux tells them; names of virtual machines alone say little."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", platform.machine())
    return f"{name}, family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"


def device_name(device: torch.device) -> str:
    """What computes, for people: the GPU's name or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


@torch.inference_mode()
def product_rate(dtype: torch.dtype, *, device: torch.device | str = "cpu") -> float:
    """Operations per second, in units of 10⁹, of one product of two square matrices; an addition counts as one."""
    device = torch.device(device)
    size, repeats = (_SIZE, 1) if device.type == "cpu" else (_GPU_SIZE, _GPU_REPEATS)
    a = torch.ones(size, size, dtype=dtype, device=device)
    torch.mm(a, a)
    synchronize(device)
    start = perf_counter()
    for _ in range(repeats):
        torch.mm(a, a)
    synchronize(device)
    return repeats * 2 * size**3 / (perf_counter() - start) / 1e9


def resident_memory() -> float:
    """MiB of memory that this process occupies now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_memory(device: torch.device) -> float:
    """Most MiB so far: of a CUDA device what tensors took, else what this process occupied; 0 where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10
