"""Checkpoints: the last two are kept, each with a digest, so that a damaged one is detected and the other is used."""

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
    """The newest usable state of a folder, or None, and a line about each damaged file."""

    state: dict[str, Any] | None
    damaged: tuple[str, ...]


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` as the checkpoint of a folder and keep the one before as the previous checkpoint.

    The file is the output of `torch.save`, followed by its SHA-256, its length and a mark. After the first checkpoint
    the folder always holds a complete one. Raises OSError with the file's name if it cannot be written.
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
    """Return the checkpoint of a folder, or the previous one if it is damaged or missing; tensors are on the CPU."""
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
    """Remove a damaged checkpoint, so that the next one does not replace the good previous one."""
    if (folder / PREVIOUS).exists():
        (folder / CHECKPOINT).unlink(missing_ok=True)


def _footer(content: memoryview | bytes) -> bytes:
    return hashlib.sha256(content).digest() + len(content).to_bytes(8, "little") + _MARK


def _read(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are unpickled. Version 0.1.0 wrote no footer."""
    content = path.read_bytes()
    if content.endswith(_MARK):
        footer, content = content[-_FOOTER:], content[:-_FOOTER]
        if footer != _footer(content):
            raise ValueError("its digest does not match its content")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes can raise anything
        raise ValueError("it is truncated or not a checkpoint") from error
    if not isinstance(state, dict):
        raise ValueError("it does not hold the state of a run")
    return state
