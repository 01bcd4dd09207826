"""Holding out images by the content of their files."""

import hashlib
from pathlib import Path

import pytest

from multibox.data.dataset import Dataset
from multibox.data.holdout import held_out_images, hold_out, original_name
from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import DataError, UsageError
from multibox.size import Size


def write(folder: Path, names: range | list[str]) -> list[Path]:
    """Files whose content is their name."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{name}.jpg" for name in names]
    for path in paths:
        path.write_bytes(path.stem.encode())
    return paths


def test_a_share_by_digest(tmp_path: Path) -> None:
    """Of 1,000 files those whose BLAKE2b digest, as a fraction of all digests, is below the share; about 150."""
    paths = write(tmp_path, range(1000))
    digests = {path: hashlib.blake2b(path.stem.encode(), digest_size=16).hexdigest() for path in paths}
    expected = {path for path, digest in digests.items() if int(digest, 16) / 16**32 < 0.15}
    assert held_out_images(paths, 0.15) == expected
    assert 120 < len(expected) < 180


def test_more_images_change_nothing(tmp_path: Path) -> None:
    """The held-out images among the first 200 against those of all 400, also in another order and another folder."""
    paths = write(tmp_path / "a", range(400))
    first = held_out_images(paths[:200], 0.2)
    assert held_out_images(paths[::-1], 0.2) & set(paths[:200]) == first
    moved = write(tmp_path / "b", range(200))
    assert {path.name for path in held_out_images(moved, 0.2)} == {path.name for path in first}


def test_copies_stay_together(tmp_path: Path) -> None:
    """Equal contents anywhere, and copies by name in one folder, are on one side; the original decides."""
    originals = write(tmp_path / "a", range(60))
    before = held_out_images(originals, 0.3)
    copies = []
    for path in originals:
        same = tmp_path / "b" / f"other-{path.name}"
        same.parent.mkdir(exist_ok=True)
        same.write_bytes(path.read_bytes())
        changed = [path.with_stem(path.stem + mark) for mark in (" copy", "_flip", " (1)", "_aug_3")]
        for number, file in enumerate(changed):
            file.write_bytes(f"{path.stem} {number}".encode())
        copies.append([path, same, *changed])
    held = held_out_images([file for group in copies for file in group], 0.3)
    assert held & set(originals) == before
    assert all(len({file in held for file in group}) == 1 for group in copies)


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("cup", "cup"),
        ("Cup (2)", "cup"),
        ("cup copy 2", "cup"),
        ("cup_rot90", "cup"),
        ("cup_flip_crop2", "cup"),
        ("cup_jpg.rf.0a1b2c", "cup"),
        ("frame_0001", "frame_0001"),
        ("img_2", "img_2"),
        ("copy", "copy"),
    ],
)
def test_names_of_originals(name: str, original: str) -> None:
    """Names with marks of copies, and without, against the name of the original; numbers are no marks."""
    assert original_name(name) == original


@pytest.mark.parametrize("pattern", ["Photo ({})", "night_dark_{:04}", "street_crop_{:03}"])
def test_numbered_names_are_no_copies(tmp_path: Path, pattern: str) -> None:
    """Images that a file manager or a camera numbered are split one by one, by their content."""
    paths = write(tmp_path / "a", [pattern.format(number) for number in range(1, 201)])
    held = held_out_images(paths, 0.2)
    assert 20 < len(held) < 60
    plain = [path.rename(path.with_stem(f"x{number}")) for number, path in enumerate(paths)]
    again = held_out_images(plain, 0.2)
    assert [path in held for path in paths] == [path in again for path in plain]


def test_numbered_copies_of_an_image(tmp_path: Path) -> None:
    """With the original beside them, numbered names are its copies; its versions without it stay together, too."""
    for number in range(30):
        group = write(tmp_path / str(number), ["cup", "Cup (1)", "cup (2)", "cup_crop_0001"])
        versions = write(tmp_path / str(number), ["mug_flip", "mug_rot90", "mug_rot180", "mug_jpg.rf.0a1b"])
        held = held_out_images([*group, *versions, *write(tmp_path / str(number), range(5))], 0.3)
        assert len({path in held for path in group}) == len({path in held for path in versions}) == 1


def test_few_images(tmp_path: Path) -> None:
    """At least one image on each side, for any share; none if all are copies."""
    two = write(tmp_path, ["a", "b"])
    for share in (0.0001, 0.5, 0.9):
        assert len(held_out_images(two, share)) == 1
    for path in two:
        path.write_bytes(b"")
    with pytest.raises(DataError, match="2 images cannot be split, because all are copies"):
        held_out_images(two, 0.5)


@pytest.mark.parametrize("share", [0, -0.1, 0.91, float("nan"), float("inf")])
def test_wrong_shares(share: float) -> None:
    """Shares out of range against one line."""
    with pytest.raises(UsageError, match=r"cannot be held out: choose more than 0 and at most 0\.9"):
        held_out_images([Path("a"), Path("b")], share)


def test_missing_files_count_by_name(tmp_path: Path) -> None:
    """Images that do not exist, and a folder in the place of one."""
    (tmp_path / "folder.jpg").mkdir()
    paths = [tmp_path / f"{name}.jpg" for name in ("folder", *range(30))]
    assert 0 < len(held_out_images(paths, 0.5)) < 31


def test_a_data_set(tmp_path: Path) -> None:
    """The two parts of a data set, and the line about them."""
    write_scenes(tmp_path, count=12, seed=0, size=Size(80, 96), split="train")
    dataset = load_dataset(tmp_path)
    parts = hold_out(dataset, 0.3)
    assert {e.id for e in parts.train} | {e.id for e in parts.held} == {e.id for e in dataset}
    assert len(parts.train) + len(parts.held) == 12
    assert parts.train.class_names == parts.held.class_names
    assert isinstance(parts.held, Dataset)
    assert parts.line.startswith(f"holding out {len(parts.held)} of 12 images (")
    assert "0.3 asked" in parts.line
