"""The manifest of a batch: what its parts were made of, so that a resumed run continues with exactly the same."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from multibox._version import __version__
from multibox.errors import DataError, UsageError
from multibox.system.json import parse_json
from multibox.system.storage import Storage

MANIFEST = "_manifest.json"  # readers of Parquet folders skip names that begin with _
_FORMAT = 1
_PART = re.compile(r"part-(\d{5,})\.parquet")
_MEANING = {
    "weights_sha256": "weights",
    "images_sha256": "list of images",
    "images": "number of images",
    "shard": "--shard",
    "min_score": "--min-score",
    "engine": "--engine",
    "precision": "--precision",
    "max_pixels": "--max-pixels",
    "stretch_16_bit": "--stretch-16-bit",
}
"""The entries that have to agree, and what a user calls them."""


@dataclass(frozen=True)
class Manifest:
    """Everything that decides what the parts contain; part k holds the images from k * shard on."""

    weights: str
    weights_sha256: str
    source: str
    images: int
    images_sha256: str
    shard: int
    min_score: float
    engine: str | None
    precision: str | None
    max_pixels: int
    stretch_16_bit: bool

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.images // self.shard)

    def to_text(self) -> str:
        """The file's content."""
        facts = {"format": _FORMAT, "multibox": __version__, **asdict(self), "shards": self.shards}
        return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"

    def require_same(self, stored: dict[str, Any], *, place: str) -> None:
        """Raise UsageError, with the first difference, if `stored` is the manifest of another batch."""
        own = asdict(self)
        for key, meaning in _MEANING.items():
            if stored.get(key) != own[key]:
                raise UsageError(
                    f"{place} was begun with another {meaning}: {_short(stored.get(key))}, now {_short(own[key])}; "
                    "parts of two runs are not mixed, so repeat the first command or choose another --out"
                )


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}…" if re.fullmatch("[0-9a-f]{64}", text) else text[:80]


def stored_manifest(storage: Storage) -> dict[str, Any]:
    """The manifest of a place that holds parts.

    Raises UsageError if it has none, and DataError if it is damaged or of a newer version.
    """
    try:
        text = storage.read(MANIFEST, limit=1 << 20).decode(errors="replace")
    except FileNotFoundError:
        raise UsageError(f"{storage.place} holds parts, but no {MANIFEST}: choose another --out") from None
    place = storage.join(MANIFEST)
    stored = parse_json(text, name=place)
    if not isinstance(stored, dict) or stored.get("format") != _FORMAT:
        raise DataError(f"{place} is not a manifest of format {_FORMAT}; choose another --out, or update multibox")
    return stored


def parts_in(storage: Storage) -> set[int]:
    """The numbers of the shards whose parts are there. A part that exists is complete."""
    return {int(found[1]) for name in storage.names() if (found := _PART.fullmatch(name))}
