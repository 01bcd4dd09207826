"""Checkpoints are whole or not there."""

from pathlib import Path

import pytest
import torch

from multibox.errors import InputError
from multibox.training.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint


def test_round_trip(tmp_path: Path):
    """What was saved against what is loaded."""
    save_checkpoint(tmp_path, {"step": 3, "model": {"w": torch.arange(4.0)}})
    state = load_checkpoint(tmp_path)
    assert state["step"] == 3
    assert torch.equal(state["model"]["w"], torch.arange(4.0))


def test_a_failed_write_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The checkpoint after a write that broke in the middle against the one before."""
    save_checkpoint(tmp_path, {"step": 1})

    def full_disk(state: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, {"step": 2})
    assert load_checkpoint(tmp_path)["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def test_missing_and_broken_files_are_named(tmp_path: Path):
    """Errors against the file's name and the next step."""
    with pytest.raises(InputError, match="start without --resume"):
        load_checkpoint(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        load_checkpoint(tmp_path)
