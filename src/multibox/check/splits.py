"""All splits of a data set scanned as one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.errors import DataError
from multibox.words import listed


@dataclass(frozen=True)
class ScannedSplits:
    """All splits as one data set, with the names of those that could be read and the splits of each image.

    `problems` are those of the splits, `training` is what training would read. It is None if the split for training
    cannot be read; then `problems` says why.
    """

    raw: RawDataset
    names: tuple[str, ...]
    membership: dict[Path, set[str]]
    problems: list[Problem]
    training: RawDataset | None


def scan_splits(source: Source, split: str | None) -> ScannedSplits:
    """Scan one split, or all of them as one data set. Raises DataError if nothing can be scanned."""
    if split is not None:
        raw = source.scan(split)
        return ScannedSplits(raw, (split,), {record.image: {split} for record in raw.records}, [], raw)
    problems: list[Problem] = []
    scans: dict[str, RawDataset] = {}
    unlisted = source.everything()
    for name in [*source.splits(), *([unlisted] if unlisted else [])]:
        try:
            scans[name] = source.scan(name)
        except DataError as error:
            problems.append(Problem("unreadable_split", "error", name, None, str(error)))
    if not scans:
        raise DataError(problems[0].message if problems else "the data set has no split; name one")
    listed_scans = {name: raw for name, raw in scans.items() if name != unlisted}
    raw, membership = _united(scans, listed_scans)
    problems += _without_split(raw, membership) if listed_scans else []
    training = _training(source, scans, problems)
    return ScannedSplits(raw, tuple(listed_scans), membership, problems, training)


def _training(source: Source, scans: Mapping[str, RawDataset], problems: list[Problem]) -> RawDataset | None:
    """Return the scan of the split for training; a data set that needs a choice gets a problem."""
    try:
        return scans.get(source.training_split())
    except DataError as error:
        problems.append(Problem("no_training_split", "error", str(source.root), None, f"{error} with --split"))
        return None


def _united(
    scans: Mapping[str, RawDataset], listed_scans: Mapping[str, RawDataset]
) -> tuple[RawDataset, dict[Path, set[str]]]:
    """Join the scans. An image is in the splits of `listed_scans` that name it.

    An image that one file describes under two ids counts twice, as in training.
    """
    records: dict[tuple[Path, Path | None, str], Record] = {}
    faults: dict[tuple[str, str, str | None], Problem] = {}
    membership: dict[Path, set[str]] = {}
    for name, raw in scans.items():
        for record in raw.records:
            own_id = "" if raw.file_per_image else record.id
            records.setdefault((record.image, record.annotation, own_id), record)
            membership.setdefault(record.image, set()).update({name} if name in listed_scans else set())
        for fault in raw.faults:
            faults.setdefault((fault.kind, fault.file, fault.object), fault)
    first = next(iter(scans.values()))
    name = first.name.rpartition(" ")[0] or first.name
    whole = replace(first, name=name, records=tuple(records.values()), faults=tuple(faults.values()))
    return whole, membership


def _without_split(raw: RawDataset, membership: Mapping[Path, set[str]]) -> Iterator[Problem]:
    outside = [path.name for path, names in membership.items() if not names]
    if outside:
        message = f"{len(outside):,} annotated images are in no split: {listed(outside, limit=3)}"
        yield Problem("in_no_split", "note", raw.name, None, message)
