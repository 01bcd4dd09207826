"""Which detectors the figures show, and the sheet of Figure 5."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation_cases import a_dataset, an_example, some_detections
from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.paper.examples import TILE, example_sheet
from multibox.paper.figures import FIGURES
from multibox.paper.plan import plan
from multibox.paper.request import Request
from tiny_detector import write_image


def test_rows_of_figures_are_named_as_in_their_first_table():
    """Labels of the rows that train each figure's detectors against those of Tables 1, 5 and 6."""
    labels = {name: [row.label for row in figure.table.rows] for name, figure in FIGURES.items()}
    assert labels == {
        "figure3": ["SSD512, 07+12"],
        "figure4": ["SSD300, 07+12", "SSD512, 07+12"],
        "figure5": ["SSD512, trainval35k"],
        "figure6": ["SSD300, 07+12", "SSD300*, 07+12", "SSD512, 07+12", "SSD512*, 07+12"],
    }


def test_the_plan_of_a_figure_has_these_labels(tmp_path: Path):
    """Labels of Figure 6's plan against the paper's names."""
    steps = plan(FIGURES["figure6"].table, Request(tmp_path, tmp_path / "out"))
    assert [step.label for step in steps] == ["SSD300, 07+12", "SSD300*, 07+12", "SSD512, 07+12", "SSD512*, 07+12"]


@pytest.fixture
def images(tmp_path: Path) -> Dataset:
    """Images of one gray value each: 10, 11, and so on, and one that cannot be decoded."""
    examples = [an_example(f"gray{value}") for value in range(10, 50)]
    for example in examples:
        value = int(example.id.removeprefix("gray"))
        write_image(tmp_path / example.image, np.full((120, 160, 3), value, np.uint8))
    (tmp_path / "gray20.jpg").write_bytes(b"nothing")
    return a_dataset(*(replace(example, image=tmp_path / example.image) for example in examples))


def scores_by_gray(image: np.ndarray) -> Detections:
    """Two detections; the better one scores 0.7 in images with an even gray value, else 0.5."""
    value = round(float(image.mean()))
    return some_detections([[40, 30, 120, 90], [0, 0, 50, 50]], scores=[0.5 if value % 2 else 0.7, 0.3])


def test_figure_5_shows_images_with_sure_detections(images: Dataset):
    """Background of the sheet's tiles against the gray values whose detections reach the score; the broken file not."""
    sheet = example_sheet(scores_by_gray, images, min_score=0.6, caption="gray images")
    assert sheet.shape == (40 + 4 * (TILE.height + 6) + 6, 6 * (TILE.width + 6) + 6, 3)
    corners = [sheet[y + 12, x + 12] for y in range(40, 40 + 4 * 246, 246) for x in range(0, 6 * 326, 326)]
    grays = sorted(int(np.median(corner)) for corner in corners)[:19]
    np.testing.assert_allclose(grays, [value for value in range(10, 50, 2) if value != 20], atol=1)


def test_figure_5_without_a_sure_detection(images: Dataset):
    """A score that no detection reaches against an error with the best score."""
    with pytest.raises(DataError, match=r"in the 40 images of test data reaches a score of 0\.9, .* 0\.70"):
        example_sheet(scores_by_gray, images, min_score=0.9, caption="")
