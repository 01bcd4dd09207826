"""Where to compute: the device a user names, or the best one there is."""

import torch

from multibox.errors import UsageError
from multibox.system.launcher import place


def choose_device(name: str | None = None) -> torch.device:
    """The device called `name` ("cpu", "cuda", "cuda:1", "mps"); without a name a GPU where there is one, else the CPU.

    Of several processes on a machine each has a GPU of its own, in the order of their ranks.
    Raises UsageError where the name is unknown, this machine has no such device, or fewer GPUs than processes.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"device {name!r} is not known: choose cpu, cuda, cuda:1 (a second GPU) or mps") from None
    if not _is_there(device):
        raise UsageError(f"device {name!r} is not available: this machine has {', '.join(_available())}")
    return _own_gpu(device) if device.type == "cuda" and not place().alone else device


def _own_gpu(device: torch.device) -> torch.device:
    own, processes = place().local_rank, place().local_count
    if device.index not in (None, own):
        raise UsageError(f"device {str(device)!r} for several processes: say cuda, and each takes a GPU of its own")
    if processes > (gpus := torch.cuda.device_count()):
        raise UsageError(
            f"{processes} processes on a machine with {gpus} GPUs: start one for each, or say --device cpu"
        )
    return torch.device("cuda", own)


def _is_there(device: torch.device) -> bool:
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def _available() -> list[str]:
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, so that it is quicker than float32 there."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return device.type == "cpu" and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))
