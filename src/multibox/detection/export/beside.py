"""JSON files beside a model, for programs that cannot read its metadata or decode offsets themselves."""

import json
from pathlib import Path
from typing import cast

from multibox.coder import Coder
from multibox.models.ssd import SSD
from multibox.system.atomic import write_atomically
from multibox.weights.exported import End, Exported


def write_prior_values(path: Path, coder: Coder) -> None:
    """Write `priors`, a list of (cx, cy, w, h) relative to the input in the order of the offsets, and `variances`."""
    content = {
        "order": ["cx", "cy", "w", "h"],
        "priors": [[_short(value) for value in row] for row in coder.priors.tolist()],
        "variances": [_short(value) for value in coder.variances.tolist()],
    }
    write_atomically(path, json.dumps(content).encode())


def write_summary(path: Path, model: SSD, *, precision: str, end: str) -> None:
    """Write class names, input and thresholds: `Exported.summary`."""
    exported = Exported.of(model, info={}, precision=precision, end=cast(End, end), batch=None)
    write_atomically(path, json.dumps(exported.summary()).encode())


def _short(value: float) -> float:
    """The shortest decimal number with the same float32 value."""
    return float(f"{value:.9g}")
