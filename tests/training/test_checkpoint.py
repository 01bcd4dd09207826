"""Checkpoints are complete or absent, and the previous one is kept."""

from pathlib import Path

import pytest
import torch

from multibox.training.checkpoint import CHECKPOINT, PREVIOUS, find_checkpoint, remove_damaged, save_checkpoint


def step_in(folder: Path) -> int:
    state = find_checkpoint(folder).state
    assert state is not None
    return state["step"]


def test_round_trip(tmp_path: Path):
    """The saved state against the loaded one, and against that of plain torch.load."""
    save_checkpoint(tmp_path, {"step": 3, "model": {"w": torch.arange(4.0)}})
    state, damaged = find_checkpoint(tmp_path)
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["model"]["w"], torch.arange(4.0))
    assert damaged == ()
    assert torch.load(tmp_path / CHECKPOINT)["step"] == 3


def test_two_generations(tmp_path: Path):
    """The files after three checkpoints against the last two."""
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, {"step": step})
    assert {path.name for path in tmp_path.iterdir()} == {CHECKPOINT, PREVIOUS}
    assert step_in(tmp_path) == 3
    (tmp_path / CHECKPOINT).unlink()
    assert step_in(tmp_path) == 2


def test_a_failed_write_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The checkpoint after a write to a full disk against the one before; the error names the file."""
    save_checkpoint(tmp_path, {"step": 1})
    monkeypatch.setattr("multibox.training.checkpoint.force_to_disk", full_disk)
    with pytest.raises(OSError, match=r"No space.*checkpoint\.pt'"):
        save_checkpoint(tmp_path, {"step": 2})
    assert step_in(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def full_disk(file: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -48, -60])
def test_a_truncated_file_is_replaced_by_the_previous_one(tmp_path: Path, keep: int):
    """A truncated checkpoint against the one before it, and a line that names the file."""
    save_checkpoint(tmp_path, {"step": 1, "w": torch.ones(100)})
    save_checkpoint(tmp_path, {"step": 2, "w": torch.ones(100)})
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:keep])
    state, damaged = find_checkpoint(tmp_path)
    assert state is not None
    if keep in (-1, -48):  # only the digest is cut off: the state is as complete as in a file of version 0.1.0
        assert (state["step"], damaged) == (2, ())
    else:
        assert state["step"] == 1
        assert len(damaged) == 1
        assert damaged[0].startswith(f"{path} is damaged")


def test_a_changed_bit_is_detected(tmp_path: Path):
    """A checkpoint with one changed bit against a line about damage; torch.load does not detect it."""
    save_checkpoint(tmp_path, {"w": torch.zeros(1000)})
    path = tmp_path / CHECKPOINT
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    torch.load(path)
    state, damaged = find_checkpoint(tmp_path)
    assert state is None
    assert damaged == (f"{path} is damaged (its digest does not match its content)",)


def test_a_damaged_file_does_not_replace_the_good_one(tmp_path: Path):
    """The previous checkpoint after a damaged one was removed and a new one written against the good one."""
    save_checkpoint(tmp_path, {"step": 1})
    save_checkpoint(tmp_path, {"step": 2})
    (tmp_path / CHECKPOINT).write_bytes(b"half")
    remove_damaged(tmp_path)
    save_checkpoint(tmp_path, {"step": 3})
    (tmp_path / CHECKPOINT).write_bytes(b"half")
    assert step_in(tmp_path) == 1


def test_a_file_of_the_first_version_is_read(tmp_path: Path):
    """A file of torch.save, without a digest, against its content."""
    torch.save({"step": 5}, tmp_path / CHECKPOINT)
    assert step_in(tmp_path) == 5


def test_nothing_is_found_in_an_empty_folder(tmp_path: Path):
    """An empty folder against no state and no line."""
    assert find_checkpoint(tmp_path) == (None, ())
