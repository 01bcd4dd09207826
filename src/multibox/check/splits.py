"""All splits of a data set scanned as one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.errors import DataError
from multibox.words import listed


def scan_splits(source: Source, split: str | None) -> tuple[RawDataset, dict[Path, set[str]], list[Problem]]:
    """Scan one split, or all of them as one data set. Returns it, the splits of each image, and problems of splits."""
    if split is not None:
        raw = source.scan(split)
        return raw, {record.image: {split} for record in raw.records}, []
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
    return raw, membership, problems


def _united(
    scans: Mapping[str, RawDataset], listed_scans: Mapping[str, RawDataset]
) -> tuple[RawDataset, dict[Path, set[str]]]:
    """Join the scans. An image is in the splits of `listed_scans` that name it."""
    records: dict[tuple[Path, Path | None], Record] = {}
    faults: dict[tuple[str, str, str | None], Problem] = {}
    membership: dict[Path, set[str]] = {}
    for name, raw in scans.items():
        for record in raw.records:
            records.setdefault((record.image, record.annotation), record)
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
