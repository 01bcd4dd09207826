"""Written images against the originals, and the file names of results against those expected."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.errors import UsageError
from multibox.images.write import result_paths, write_image
from tiny_detector import noise_image


def test_results_of_equal_names_get_numbers(tmp_path: Path):
    """Results of images with one name, from several folders and with several suffixes, against distinct names."""
    files = [Path("a/x.jpg"), Path("b/x.jpg"), Path("c/X.jpg"), Path("a/x.bmp"), Path("a/x.webp")]
    written = [path.name for path in result_paths(files, tmp_path / "out").values()]
    assert written == ["x.jpg", "x-2.jpg", "X-3.jpg", "x.png", "x-2.png"]


def test_results_never_replace_an_image(tmp_path: Path):
    """The folder of the images themselves, also by another path, against UsageError."""
    (tmp_path / "below").mkdir()
    files = [tmp_path / "a.png", tmp_path / "b.JPG"]
    for file in files:
        file.touch()
    for folder in (tmp_path, tmp_path / "below" / ".."):
        with pytest.raises(UsageError, match="would overwrite the image"):
            result_paths(files, folder)
    with pytest.raises(UsageError, match="is a file"):
        result_paths(files, tmp_path / "a.png")


@pytest.mark.parametrize(("name", "tolerance"), [("a.png", 0), ("a.jpg", 12)])
def test_written_images_read_back(tmp_path: Path, name: str, tolerance: int):
    """An RGB image read back from a file against itself: exact for PNG, close for JPEG."""
    image = noise_image(seed=0)
    write_image(tmp_path / "new" / name, image)
    back = cv2.imread(str(tmp_path / "new" / name))[:, :, ::-1]
    assert np.abs(back.astype(int) - image).max() <= tolerance
