"""Checkpoints are whole or not there, and the one before is there as well."""

from pathlib import Path

import pytest
import torch

from multibox.training.checkpoint import CHECKPOINT, PREVIOUS, find_checkpoint, remove_damaged, save_checkpoint


def step_in(folder: Path) -> int:
    state = find_checkpoint(folder).state
    assert state is not None
    return state["step"]


def test_round_trip(tmp_path: Path):
    """What was saved against what is loaded, and against what plain torch.load makes of the file."""
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
    """The checkpoint after a disk that filled up in the middle against the one before; the error names the file."""
    save_checkpoint(tmp_path, {"step": 1})
    monkeypatch.setattr("multibox.training.checkpoint.force_to_disk", full_disk)
    with pytest.raises(OSError, match=r"No space.*checkpoint\.pt'"):
        save_checkpoint(tmp_path, {"step": 2})
    assert step_in(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def full_disk(file: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -48, -60])
def test_a_cut_file_gives_way_to_the_previous_one(tmp_path: Path, keep: int):
    """A checkpoint cut anywhere against the one before it, and a line that names the file."""
    save_checkpoint(tmp_path, {"step": 1, "w": torch.ones(100)})
    save_checkpoint(tmp_path, {"step": 2, "w": torch.ones(100)})
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:keep])
    state, damaged = find_checkpoint(tmp_path)
    assert state is not None
    if keep in (-1, -48):  # the digest alone is cut: the state is as complete as in a file of version 0.1.0
        assert (state["step"], damaged) == (2, ())
    else:
        assert state["step"] == 1
        assert len(damaged) == 1
        assert damaged[0].startswith(f"{path} is damaged")


def test_a_changed_bit_is_noticed(tmp_path: Path):
    """A checkpoint with one bit of a weight turned against: damaged, though torch.load sees nothing."""
    save_checkpoint(tmp_path, {"w": torch.zeros(1000)})
    path = tmp_path / CHECKPOINT
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    torch.load(path)
    state, damaged = find_checkpoint(tmp_path)
    assert state is None
    assert damaged == (f"{path} is damaged (its digest does not match its content)",)


def test_a_damaged_file_does_not_push_out_the_good_one(tmp_path: Path):
    """A new checkpoint after a damaged one was passed over against: the good one is still the previous."""
    save_checkpoint(tmp_path, {"step": 1})
    save_checkpoint(tmp_path, {"step": 2})
    (tmp_path / CHECKPOINT).write_bytes(b"half")
    remove_damaged(tmp_path)
    save_checkpoint(tmp_path, {"step": 3})
    (tmp_path / CHECKPOINT).write_bytes(b"half")
    assert step_in(tmp_path) == 1


def test_a_file_of_the_first_version_is_read(tmp_path: Path):
    """What torch.save wrote, without a digest, against its content."""
    torch.save({"step": 5}, tmp_path / CHECKPOINT)
    assert step_in(tmp_path) == 5


def test_nothing_is_found_in_an_empty_folder(tmp_path: Path):
    """An empty folder against no state and no complaint."""
    assert find_checkpoint(tmp_path) == (None, ())
