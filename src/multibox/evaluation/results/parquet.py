"""Detections as Parquet files with a row for each image, as `multibox batch` writes them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.relabel import no_detections
from multibox.evaluation.results.rows import FLOAT32_MAX, ROUNDING
from multibox.size import Size
from multibox.system.json import parse_json
from multibox.system.storage import is_local, open_storage, require_pyarrow
from multibox.system.text import decode_text
from multibox.words import escaped, listed

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

CLASS_NAMES = b"multibox.class_names"
"""The entry of a file's metadata with the classes of the detector, as a JSON list."""

_MANIFEST = "_manifest.json"
_ROWS = 1024


def is_parquet(place: Path | str) -> bool:
    """Whether a place is a Parquet file, a folder of such files, or a prefix of an object store."""
    if not is_local(str(place)):
        return True
    path = Path(place)
    return path.suffix == ".parquet" or (path.is_dir() and next(path.glob("*.parquet"), None) is not None)


def read_parquet_results(place: Path | str, *, dataset: Dataset) -> dict[str, Detections]:
    """Return the detections of every image of the data set by its id.

    A row belongs to the image with its path, or else with its file name; other rows are passed over. Classes are
    matched by name. Images that the batch could not read have no detections. Raises DataError for files that are not
    such tables, if parts of a batch are missing, and if an image of the data set has no row, or two.
    """
    require_pyarrow()
    rows = _Rows(dataset)
    for name, file in _files(place):
        rows.add(file, name=name)
    return rows.by_id(str(place))


def _files(place: Path | str) -> Iterator[tuple[str, "ParquetFile"]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    storage = open_storage(place)
    names = storage.names()
    _require_complete(storage.place, names, storage.read(_MANIFEST) if _MANIFEST in names else None)
    single = not names and storage.place.endswith(".parquet")
    folder = open_storage(Path(place).parent) if single else storage
    files = [Path(place).name] if single else sorted(name for name in names if name.endswith(".parquet"))
    if not files:
        raise DataError(f"{place} holds no Parquet file; give the --out of multibox batch")
    for name in files:
        where = folder.join(name)
        try:
            yield where, pq.ParquetFile(where if folder.local else pa.BufferReader(folder.read(name)))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(where, error) from None


def _unreadable(name: str, error: Exception) -> DataError:
    reason = escaped(" ".join(str(error).split()))[:200]
    return DataError(f"{name} is not a readable Parquet file ({reason}); make it again with multibox batch")


def _parsed(text: bytes) -> Any:
    return parse_json(decode_text(text, name=""), name="")


def _require_complete(place: str, names: set[str], manifest: bytes | None) -> None:
    """Raise DataError if the manifest of a batch promises more parts than there are."""
    try:
        shards = int(_parsed(manifest)["shards"]) if manifest else 0
    except (DataError, ValueError, KeyError, TypeError, OverflowError):
        raise DataError(f"{place}/{_MANIFEST} is damaged; make the batch again") from None
    parts = sum(name.startswith("part-") and name.endswith(".parquet") for name in names)
    if parts < shards:
        raise DataError(f"{place} has {parts} of {shards} parts; finish it with multibox batch --resume")


@dataclass
class _Rows:
    """The rows of a data set's images that were found so far."""

    dataset: Dataset
    found: dict[str, Detections] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_path: dict[str, Example] = {os.path.abspath(example.image): example for example in self.dataset}
        self._by_name: dict[str, Example | None] = {}
        for example in self.dataset:
            name = example.image.name
            self._by_name[name] = None if name in self._by_name else example

    def example_of(self, image: str) -> Example | None:
        """The image of the data set that a row is about. A file name counts only if no other image has it."""
        return self._by_path.get(image) or self._by_name.get(image.rpartition("/")[2])

    def add(self, file: "ParquetFile", *, name: str) -> None:
        """Take the rows of a file that are about images of the data set."""
        import pyarrow as pa

        try:
            class_names = _class_names(file, name=name) or list(self.dataset.class_names)
            for batch in file.iter_batches(batch_size=_ROWS, columns=_columns(file, name=name)):
                self._add_batch(batch, class_names, name=name)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(name, error) from None

    def _add_batch(self, batch: "pa.RecordBatch", class_names: list[str], *, name: str) -> None:
        images = batch.column("image").to_pylist()
        wanted = [(row, example) for row, image in enumerate(images) if (example := self.example_of(str(image)))]
        for row, example in wanted:
            if example.id in self.found:
                raise DataError(f"{name}: a second row of the image {images[row]}; evaluate one batch at a time")
            values = batch.column("detections")[row].values
            found = _detections(values, class_names, example=example, place=f"{name}: {images[row]}")
            self.found[example.id] = found

    def by_id(self, place: str) -> dict[str, Detections]:
        """The detections of all images; raises DataError if some have no row."""
        missing = [example.id for example in self.dataset if example.id not in self.found]
        if missing:
            raise DataError(
                f"{place} has no row for {len(missing)} of the {len(self.dataset)} images of {self.dataset.name}, the "
                f"first {missing[0]!r}; make a batch of all of them"
            )
        return self.found


def _columns(file: "ParquetFile", *, name: str) -> list[str]:
    import pyarrow as pa

    schema = file.schema_arrow
    for column in ("image", "detections"):
        if column not in schema.names:
            raise DataError(f"{name} has the columns {listed(schema.names)}; it needs image and detections")
    kind = schema.field("detections").type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    fields = {f.name for f in kind.value_type} if lists and pa.types.is_struct(kind.value_type) else set()
    if not {"box", "score", "name"} <= fields:
        raise DataError(f"{name}: the column detections is {kind}; it must be a list of struct (box, score, name)")
    return ["image", "detections"]


def _class_names(file: "ParquetFile", *, name: str) -> list[str]:
    """The classes in the file's metadata; empty if another program wrote the file."""
    text = (file.schema_arrow.metadata or {}).get(CLASS_NAMES, b"[]")
    try:
        names: Any = _parsed(text)
    except DataError:
        names = None
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise DataError(f"{name}: the class names in its metadata are damaged; make it again with multibox batch")
    return names


def _detections(values: "pa.StructArray | None", class_names: list[str], *, example: Example, place: str) -> Detections:
    """The detections of one row, best score first."""
    if values is None or not len(values):
        return no_detections(tuple(class_names), image_size=example.size)
    try:
        boxes = np.array(values.field("box").to_pylist(), dtype=np.float32)
        scores = np.array(values.field("score").to_pylist(), dtype=np.float32)
    except (ValueError, TypeError):
        raise DataError(f"{place}: a box or a score is not made of numbers; a box is x1, y1, x2, y2") from None
    names = [str(name) for name in values.field("name").to_pylist()]
    _check(boxes, scores, place=place)
    known = [*class_names, *sorted(set(names) - set(class_names))]
    position = {name: label for label, name in enumerate(known)}
    order = np.argsort(-scores, kind="stable")
    labels = np.array([position[name] for name in names], dtype=np.int64)
    return Detections(boxes[order], scores[order], labels[order], tuple(known), example.size or Size(0, 0))


def _check(boxes: np.ndarray, scores: np.ndarray, *, place: str) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise DataError(f"{place}: a box has not four sides; it must be x1, y1, x2, y2")
    if not (np.abs(boxes) < FLOAT32_MAX).all() or not (np.abs(scores) < FLOAT32_MAX).all():
        raise DataError(f"{place}: a score or a side of a box is not a finite number")
    if (boxes[:, 2:] < boxes[:, :2] - ROUNDING).any():
        raise DataError(f"{place}: a box has swapped corners; x2 and y2 must not be less than x1 and y1")
