"""Tells the format of a weight file from its suffix, or else from its first bytes."""

import struct
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile

from multibox.errors import WeightsError
from multibox.weights.origins.strangers import Stranger, find_stranger

Kind = Literal["safetensors", "caffemodel", "pth", "tflite", "frozen"]

_BY_SUFFIX: dict[str, Kind] = {
    ".safetensors": "safetensors",
    ".caffemodel": "caffemodel",
    ".tflite": "tflite",
    ".pb": "frozen",
}
_PICKLES = (".pth", ".pt", ".bin", ".pkl", ".ckpt")
_ZIP = b"PK\x03\x04"
_TORCH_PARTS = ("data.pkl", "version")
_SCRIPT_PART = "constants.pkl"


def kind_of_file(path: Path) -> Kind:
    """The format of a weight file.

    Raises WeightsError that says what the file is and what could read it, if it is none of these.
    """
    suffix = path.suffix.lower()
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        raise WeightsError(f"{path} is empty: copy or fetch it again")
    if start[4:8] == b"TFL3":
        return "tflite"
    stranger = find_stranger(path, start)
    if stranger is None and start.startswith(_ZIP):
        stranger = _strange_archive(path)
    if stranger is not None and not (suffix in (".zip", ".tar") and _is_torch(start, path)):
        raise WeightsError(_message(path, stranger))
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if is_safetensors(start, size=path.stat().st_size):
        return "safetensors"
    if _is_torch(start, path) or suffix in _PICKLES:
        return "pth"
    raise WeightsError(f"{path} is not a weight file of a known format: {_ADVICE}")


def _message(path: Path, stranger: Stranger) -> str:
    """What the file is and what could read it; for the suffix of a weight file also that it is none."""
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX or suffix in _PICKLES:
        return f"{path} is not a complete {suffix} file but {stranger.what}: {stranger.advice}"
    return f"{path} is {stranger.what}, which cannot be imported: {stranger.advice}"


def _is_torch(start: bytes, path: Path) -> bool:
    """Whether a file begins as those of torch.save do: a pickle, alone or in an archive, also in an old .pth.tar."""
    return start[:1] == b"\x80" or (start.startswith(_ZIP) and any(name in _TORCH_PARTS for name in _parts(path)))


def _strange_archive(path: Path) -> Stranger | None:
    """What an archive is, if it is not one of torch.save; None for one of these, or one that cannot be read."""
    names = _parts(path)
    if _SCRIPT_PART in names:
        return Stranger(
            "a TorchScript module",
            "load it with torch.jit.load, save its state_dict() with torch.save, and import that",
        )
    if not names or any(name in _TORCH_PARTS for name in names):
        return None
    if "config.json" in names and any(name.endswith(".h5") for name in names):
        return Stranger("a Keras file", "Keras reads it: export its detector as .tflite, and import that")
    return Stranger("an archive", f"unpack it and give the weight file inside ({', '.join(sorted(names)[:3])})")


def _parts(path: Path) -> set[str]:
    """The names of the files in an archive, without their folders."""
    try:
        with ZipFile(path) as archive:
            return {Path(name).name[:100] for name in archive.namelist()}
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def is_safetensors(start: bytes, *, size: int) -> bool:
    """Whether a file of `size` bytes begins as a safetensors file does: the length of its header, then JSON."""
    return len(start) > 8 and start[8:9] == b"{" and 2 <= struct.unpack("<Q", start[:8])[0] <= size - 8


_ADVICE = (
    "give a .safetensors, .caffemodel, .pth, .tflite or .pb file of an SSD, for example the checkpoint that it was "
    "made from"
)
