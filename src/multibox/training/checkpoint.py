"""Everything a run needs to go on, in one file that is either the old one or the new one, never half of each."""

from pathlib import Path
from typing import Any

import torch

from multibox.errors import InputError
from multibox.weights.atomic import atomic_file

CHECKPOINT = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint by `state`."""
    with atomic_file(folder / CHECKPOINT) as file:
        torch.save(state, file)


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
