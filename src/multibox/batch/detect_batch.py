"""A detector as a callable for `Dataset.map_batches` of Ray, and for any other tool that works on tables."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multibox.batch.contents import prepare_named
from multibox.batch.rows import result_columns
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.images.prepare import Prepared, prepare_ahead
from multibox.system.storage import require_pyarrow
from multibox.weights.registry.detectors import DEFAULT
from multibox.words import listed

if TYPE_CHECKING:
    import pyarrow as pa


class DetectBatch:
    """Adds detections to a batch of rows.

    A batch is a mapping from column names to arrays, or an Arrow table. The images are in the column `bytes` (content
    of image files) if there is one, else in `image` (paths, or URIs of s3:// and gs://). The result is an Arrow table
    with all columns but `bytes`, and with width, height, error and detections; see `result_columns`.

    The detector is loaded when the first batch arrives. Arguments are those of `Detector.load`; `min_score` leaves out
    detections with lower scores. Raises UsageError for a batch without either column.
    """

    def __init__(
        self,
        weights: str | Path = DEFAULT.name,
        *,
        device: str | None = None,
        engine: str | None = None,
        precision: str | None = None,
        batch_size: int = 8,
        min_score: float = 0.0,
    ) -> None:
        require_pyarrow()
        self._load = (weights, device, engine, precision, batch_size)
        self._min_score = min_score
        self._detector: Detector | None = None

    def __call__(self, batch: "Mapping[str, Any] | pa.Table") -> "pa.Table":
        """The batch with the columns of results."""
        import pyarrow as pa

        table = batch if isinstance(batch, pa.Table) else pa.table({name: pa.array(v) for name, v in batch.items()})
        results = list(self._results(table))
        columns = result_columns(results, class_names=self.detector.class_names)
        kept = [name for name in table.column_names if name != "bytes" and name not in columns]
        return pa.table({**{name: table[name] for name in kept}, **columns})

    @property
    def detector(self) -> Detector:
        """The detector, loaded on first use."""
        if self._detector is None:
            weights, device, engine, precision, batch_size = self._load
            self._detector = Detector.load(
                weights, device=device, engine=engine, precision=precision, batch_size=batch_size
            )
        return self._detector

    def _results(self, table: "pa.Table") -> Iterator[Detections | DataError]:
        for found in self.detector.detect_prepared(self._prepared(table)):
            yield found.above(self._min_score) if isinstance(found, Detections) else found

    def _prepared(self, table: "pa.Table") -> Iterator[Prepared | DataError]:
        size, ahead = self.detector.input_size, 2 * self.detector.batch_size - 1
        if "bytes" in table.column_names:
            return prepare_ahead(table["bytes"].to_pylist(), input_size=size, ahead=ahead)
        if "image" in table.column_names:
            return prepare_named(table["image"].to_pylist(), input_size=size, ahead=ahead)
        raise UsageError(f"a batch has the columns {listed(table.column_names)}; images are in 'bytes' or 'image'")
