"""The folder of the larger reference data, and the skip of tests that do not find it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(relative: str) -> Path:
    """Path below ../shared, or a skip with the reason if it is missing."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"{path} is not there; this test needs data that is not part of the repository")
    return path
