"""The device to compute on."""

import torch

from multibox.errors import UsageError
from multibox.system.launcher import place


def choose_device(name: str | None = None) -> torch.device:
    """Return the device called `name` ("cpu", "cuda", "cuda:1", "mps"); by default a CUDA GPU if there is one.

    If several processes run on a machine, each gets its own GPU in the order of their ranks. Raises UsageError if the
    name is unknown, or if this machine does not have the device or has fewer GPUs than processes.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"device {name!r} is not known: choose cpu, cuda, cuda:1 (the second GPU) or mps") from None
    if not _is_available(device):
        raise UsageError(f"device {name!r} is not available: this machine has {', '.join(_available())}")
    return _own_gpu(device) if device.type == "cuda" and not place().alone else device


def _own_gpu(device: torch.device) -> torch.device:
    own, processes = place().local_rank, place().local_count
    if device.index not in (None, own):
        raise UsageError(f"device {str(device)!r} for several processes: use cuda, and each process takes its own GPU")
    if processes > (gpus := torch.cuda.device_count()):
        raise UsageError(
            f"{processes} processes on a machine with {gpus} GPUs: start one process for each GPU, or use --device cpu"
        )
    return torch.device("cuda", own)


def _is_available(device: torch.device) -> bool:
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def _available() -> list[str]:
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether the device has instructions for bfloat16, which make it faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))
    return device.type == "cpu" and native and onednn_has_bfloat16()


def onednn_has_bfloat16() -> bool:
    """Return whether oneDNN can compute in bfloat16 on this processor; on x86 it needs AVX-512 or AVX-NE-CONVERT."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
