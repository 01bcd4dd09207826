"""What this machine is and how fast it multiplies: beside these numbers, those of a detector mean something."""

import os
import platform
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

_SIZE = 1536


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


@torch.inference_mode()
def product_rate(dtype: torch.dtype) -> float:
    """Operations per second, in units of 10⁹, of one product of two square matrices; an addition counts as one."""
    a = torch.ones(_SIZE, _SIZE, dtype=dtype)
    torch.mm(a, a)
    start = perf_counter()
    torch.mm(a, a)
    return 2 * _SIZE**3 / (perf_counter() - start) / 1e9


def resident_memory() -> float:
    """MiB of memory that this process occupies now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
