"""Detections in Parquet files: a batch against evaluating its detector, files of other programs, and damaged ones."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multibox.batch.run import run_batch
from multibox.batch.runners import RUNNERS
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.detection.detector import Detector
from multibox.errors import DataError
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.results.files import read_detections
from multibox.size import Size
from multibox.weights.file import save_weights
from tiny_detector import tiny_model


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=5, seed=3, size=Size(80, 96), split="val")
    return folder


@pytest.fixture
def dataset(scenes: Path) -> Dataset:
    return load_dataset(scenes, split="val", classes=["disc", "square", "star"])


@pytest.fixture
def batch(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch over everything in the folder."""
    monkeypatch.setitem(RUNNERS, "here", "batch_here")
    save_weights(tmp_path / "tiny.safetensors", tiny_model())
    run_batch(scenes, out=tmp_path / "out", weights=tmp_path / "tiny.safetensors", runner="here", shard=2)
    return tmp_path / "out"


def test_a_batch_scores_like_its_detector(batch: Path, dataset: Dataset, tmp_path: Path):
    """AP of the Parquet files against that of the detector on the same images."""
    detector = Detector.load(tmp_path / "tiny.safetensors")
    expected = evaluate(detector, dataset, iou=0.1)
    assert expected.mean > 0
    assert evaluate(read_detections(batch, dataset=dataset), dataset, iou=0.1).to_json() == expected.to_json()


def test_one_file_can_be_evaluated(batch: Path, dataset: Dataset, tmp_path: Path):
    """All rows in one file against the folder of parts."""
    pq.write_table(pq.read_table(batch), tmp_path / "all.parquet")
    one, parts = (read_detections(place, dataset=dataset) for place in (tmp_path / "all.parquet", batch))
    for image in parts:
        np.testing.assert_array_equal(one[image].boxes, parts[image].boxes)


def test_rows_of_other_images_are_passed_over(batch: Path, dataset: Dataset):
    """The detections of two images against those of all."""
    few = Dataset(name="few", class_names=dataset.class_names, examples=tuple(dataset)[:2])
    found = read_detections(batch, dataset=few)
    assert list(found) == [example.id for example in few]


def test_files_of_other_programs(dataset: Dataset, tmp_path: Path):
    """Rows with file names only, plain lists as boxes and no other columns, against the detections, best first."""
    names = [example.image.name for example in dataset]
    one = {"box": [1.0, 2.0, 30.0, 40.0], "score": 0.25, "name": dataset.class_names[1]}
    two = {**one, "score": 0.5, "name": "unknown class"}
    kind = pa.list_(pa.struct({"box": pa.list_(pa.float64()), "score": pa.float64(), "name": pa.string()}))
    rows = [[one, two], None, *([[]] * (len(names) - 2))]
    pq.write_table(pa.table({"image": names, "detections": pa.array(rows, kind)}), tmp_path / "found.parquet")
    found = read_detections(tmp_path / "found.parquet", dataset=dataset)
    first = found[dataset[0].id]
    assert first.scores.tolist() == [0.5, 0.25]
    assert [name for *_, name in first] == ["unknown class", dataset.class_names[1]]
    assert first.boxes.tolist() == [[1, 2, 30, 40]] * 2
    assert evaluate(found, dataset).num_detections == 1


def test_missing_rows_and_parts_are_named(batch: Path, dataset: Dataset):
    """A batch without its last part, with and without a manifest, against one line."""
    next(iter(sorted(batch.glob("part-*"), reverse=True))).unlink()
    with pytest.raises(DataError, match=r"has 2 of 3 parts; finish it with multibox batch --resume"):
        read_detections(batch, dataset=dataset)
    (batch / "_manifest.json").unlink()
    with pytest.raises(DataError, match=r"has no row for 1 of the 5 images of .*, the first "):
        read_detections(batch, dataset=dataset)
    for text in ("{", "[" * 100_000, '{"shards": 1e999}'):
        (batch / "_manifest.json").write_text(text)
        with pytest.raises(DataError, match=r"_manifest\.json is damaged"):
            read_detections(batch, dataset=dataset)


def table(dataset: Dataset, **changed: object) -> pa.Table:
    good = {"box": [1.0, 2.0, 3.0, 4.0], "score": 0.5, "name": "x"}
    rows = [[{**good, **changed}]] + [[]] * (len(dataset) - 1)
    return pa.table({"image": [example.image.name for example in dataset], "detections": rows})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"box": [1.0, 2.0, 3.0]}, "a box has not four sides"),
        ({"box": [3.0, 2.0, 1.0, 4.0]}, "swapped corners"),
        ({"box": [1.0, 2.0, float("inf"), 4.0]}, "not a finite number"),
        ({"score": float("nan")}, "not a finite number"),
        ({"score": None}, "not a finite number"),
        ({"box": ["a", "b", "c", "d"]}, "not made of numbers"),
        ({"box": None}, "box"),
    ],
)
def test_bad_detections_are_one_line(dataset: Dataset, tmp_path: Path, change: dict[str, object], message: str):
    """Values that are no detection against DataError with the image."""
    pq.write_table(table(dataset, **change), tmp_path / "bad.parquet")
    with pytest.raises(DataError, match=message) as caught:
        read_detections(tmp_path / "bad.parquet", dataset=dataset)
    assert dataset[0].image.name in str(caught.value)


def test_bad_files_are_one_line(dataset: Dataset, tmp_path: Path):
    """No Parquet, other columns, other types, damaged metadata and a doubled row against DataError."""
    good = table(dataset)
    cases = {
        "is not a readable Parquet file": None,
        "it needs image and detections": good.select(["image"]),
        "it must be a list of struct": pa.table({"image": ["a"], "detections": [1]}),
        "class names in its metadata are damaged": good.replace_schema_metadata({"multibox.class_names": "{"}),
        "a second row of the image": pa.concat_tables([good, good]),
    }
    for message, content in cases.items():
        if content is None:
            (tmp_path / "bad.parquet").write_bytes(b"PAR1")
        else:
            pq.write_table(content, tmp_path / "bad.parquet")
        with pytest.raises(DataError, match=message):
            read_detections(tmp_path / "bad.parquet", dataset=dataset)


def test_a_name_that_is_no_text(dataset: Dataset, tmp_path: Path):
    """Bytes that are not UTF-8 in a column of texts, which Arrow reads without a check, against one line."""
    broken = pa.array([b"\xff.jpg"] * len(dataset), pa.binary()).view(pa.string())
    rows = table(dataset)
    pq.write_table(rows.set_column(rows.schema.get_field_index("image"), "image", broken), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet is not a readable Parquet file"):
        read_detections(tmp_path / "a.parquet", dataset=dataset)


def test_the_classes_of_the_detector_are_in_the_file(batch: Path):
    """The metadata of a part against the classes of its detector."""
    stored = pq.read_schema(batch / "part-00000.parquet").metadata[b"multibox.class_names"]
    assert tuple(json.loads(stored)) == tiny_model().class_names
