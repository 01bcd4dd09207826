"""Everything a run needs to go on, in one file that is either the old one or the new one, never half of each."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from multibox.errors import InputError

CHECKPOINT = "checkpoint.pt"


def write_atomically(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Let `write` fill a neighbour of `path`, bring it to the disk, then rename it."""
    neighbour = path.with_name(f".{path.name}.writing")
    try:
        with open(neighbour, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(neighbour, path)
    finally:
        neighbour.unlink(missing_ok=True)


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint by `state`."""
    write_atomically(folder / CHECKPOINT, lambda file: torch.save(state, file))


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """The folder's checkpoint, on the CPU; nothing but tensors and plain values is unpickled."""
    path = folder / CHECKPOINT
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path} is not there: nothing to resume; start without --resume") from error
    except Exception as error:
        raise InputError(f"{path} cannot be read as a checkpoint ({type(error).__name__}); start a new run") from error
    assert isinstance(state, dict)
    return state
