"""`DetectBatch`, the callable for other people's tables, against the detector."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from batch.conftest import BROKEN
from multibox import DetectBatch, Detector
from multibox.errors import UsageError


def check(rows: list[dict], paths: list[Path], weights: Path) -> None:
    """Rows against the detections of each image, broken images against their error."""
    detector = Detector.load(weights)
    for row, path in zip(rows, paths, strict=True):
        if path.name in BROKEN:
            assert row["error"]
            assert row["detections"] == []
            continue
        expected = detector(path).above(0.3)
        assert (row["height"], row["width"]) == expected.image_size
        assert [d["name"] for d in row["detections"]] == [name for _, _, name in expected]
        np.testing.assert_allclose([d["box"] for d in row["detections"]], expected.boxes, atol=1e-2)


@pytest.mark.parametrize("kind", ["arrays", "table"])
@pytest.mark.parametrize("column", ["image", "bytes"])
def test_rows_are_those_of_the_detector(photos: Path, weights: Path, kind: str, column: str):
    """Batches of names and of contents, as arrays and as a table, against the detector; other columns are kept."""
    paths = sorted(photos.iterdir())
    values = [str(path) for path in paths] if column == "image" else [path.read_bytes() for path in paths]
    numbers = np.arange(len(paths))
    batch = {column: np.array(values, dtype=object), "number": numbers}
    detect = DetectBatch(weights, min_score=0.3, batch_size=4)
    table = detect(pa.table({name: pa.array(list(v)) for name, v in batch.items()}) if kind == "table" else batch)
    first = ["image", "number"] if column == "image" else ["number"]
    assert table.column_names == [*first, "width", "height", "error", "detections"]
    assert table["number"].to_pylist() == numbers.tolist()
    check(table.to_pylist(), paths, weights)


def test_an_empty_batch_is_an_empty_table(weights: Path):
    """No rows, which tools send to learn the columns, against a table with all columns."""
    table = DetectBatch(weights)(pa.table({"image": pa.array([], pa.string())}))
    assert (table.num_rows, table.column_names[-1]) == (0, "detections")


def test_a_batch_without_images_is_refused(weights: Path):
    """Other columns against UsageError that names them."""
    with pytest.raises(UsageError, match="has the columns path; images are in 'bytes' or 'image'"):
        DetectBatch(weights)({"path": np.array(["a.jpg"], dtype=object)})
