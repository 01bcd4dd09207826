"""Everything a run needs to go on, in two generations with a digest each: a damaged one is noticed and passed over."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any, NamedTuple

import torch

from multibox.system.atomic import atomic_file, force_to_disk

CHECKPOINT = "checkpoint.pt"
PREVIOUS = "checkpoint.previous.pt"
_MARK = b"multibox"
_FOOTER = 32 + 8 + len(_MARK)


class Found(NamedTuple):
    """The newest usable state of a folder, None where there is none, and a line about each file that is damaged."""

    state: dict[str, Any] | None
    damaged: tuple[str, ...]


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Make `state` the folder's checkpoint, and the checkpoint that was there the previous one.

    The file is what `torch.save` writes, followed by its SHA-256, its length and a mark. At any moment one whole
    checkpoint is in the folder, once there was one. Raises OSError with the file's name where it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_file(folder / CHECKPOINT) as file:
        file.write(buffer.getbuffer())
        file.write(_footer(buffer.getbuffer()))
        force_to_disk(file)
        if (folder / CHECKPOINT).exists():
            os.replace(folder / CHECKPOINT, folder / PREVIOUS)


def find_checkpoint(folder: Path) -> Found:
    """The folder's checkpoint, or the previous one where it is damaged or missing; tensors are on the CPU."""
    damaged: list[str] = []
    for name in (CHECKPOINT, PREVIOUS):
        try:
            return Found(_read(folder / name), tuple(damaged))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            damaged.append(f"{folder / name} is damaged ({error})")
    return Found(None, tuple(damaged))


def remove_damaged(folder: Path) -> None:
    """Remove the checkpoint that was passed over, so that the next one does not push out the good previous one."""
    if (folder / PREVIOUS).exists():
        (folder / CHECKPOINT).unlink(missing_ok=True)


def _footer(content: memoryview | bytes) -> bytes:
    return hashlib.sha256(content).digest() + len(content).to_bytes(8, "little") + _MARK


def _read(path: Path) -> dict[str, Any]:
    """Nothing but tensors and plain values is unpickled. Version 0.1.0 wrote no footer."""
    content = path.read_bytes()
    if content.endswith(_MARK):
        footer, content = content[-_FOOTER:], content[:-_FOOTER]
        if footer != _footer(content):
            raise ValueError("its digest does not fit its content")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes lead it into
        raise ValueError("it is cut off or no checkpoint") from error
    if not isinstance(state, dict):
        raise ValueError("it holds no state of a run")
    return state
