"""Read and write detections in the common result formats."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.files import files_with
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.evaluation.results.coco import read_coco_results, write_coco_results
from multibox.evaluation.results.parquet import is_parquet, read_parquet_results
from multibox.evaluation.results.text import read_text_results
from multibox.evaluation.results.voc import read_voc_results, write_voc_results

__all__ = [
    "read_coco_results",
    "read_detections",
    "read_text_results",
    "read_voc_results",
    "write_coco_results",
    "write_detections",
    "write_voc_results",
]


def read_detections(
    path: Path | str, *, dataset: Dataset, category_ids: Sequence[int | str] | None = None
) -> dict[str, Detections]:
    """Read detections by image id.

    `path` is a COCO results file (.json), a folder of VOC devkit files, a folder with a text file for each image
    (`read_text_results`), or the Parquet files of a batch, also in an object store (`read_parquet_results`).
    `category_ids`, the id of each class, is used for COCO results only, see `read_coco_results`. DataError if nothing
    is there, and for malformed or unknown entries.
    """
    if is_parquet(path):
        return read_parquet_results(path, dataset=dataset)
    path = Path(path)
    if path.is_dir() and {example.id for example in dataset} & {file.stem for file in files_with(path, (".txt",))}:
        return read_text_results(path, dataset=dataset)
    if path.is_dir():
        return read_voc_results(path, dataset=dataset)
    if not path.exists():
        raise DataError(f"{path} does not exist; give a COCO results file or a folder of comp4_det_SET_CLASS.txt")
    return read_coco_results(path, dataset=dataset, category_ids=category_ids)


def write_detections(
    path: Path,
    *,
    dataset: Dataset,
    detections: Mapping[str, Detections],
    file_format: str,
    category_ids: Sequence[int | str] | None = None,
) -> None:
    """Write a COCO results file (`file_format` coco) or a folder of VOC devkit files (voc); UsageError for others."""
    if file_format == "coco":
        write_coco_results(path, dataset=dataset, detections=detections, category_ids=category_ids)
    elif file_format == "voc":
        write_voc_results(path, dataset=dataset, detections=detections)
    else:
        raise UsageError(f"detection file format {file_format!r}; it is coco or voc")
