"""The priors of a raw model as a JSON file, for programs that decode offsets themselves."""

import json
from pathlib import Path

from multibox.coder import Coder
from multibox.system.atomic import write_atomically


def write_prior_values(path: Path, coder: Coder) -> None:
    """Write `priors`, a list of (cx, cy, w, h) relative to the input in the order of the offsets, and `variances`."""
    content = {
        "order": ["cx", "cy", "w", "h"],
        "priors": [[_short(value) for value in row] for row in coder.priors.tolist()],
        "variances": [_short(value) for value in coder.variances.tolist()],
    }
    write_atomically(path, json.dumps(content).encode())


def _short(value: float) -> float:
    """The shortest decimal number with the same float32 value."""
    return float(f"{value:.9g}")
