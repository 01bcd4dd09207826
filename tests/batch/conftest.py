"""Weights of a tiny detector, a folder of images with broken ones, and runs without other processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multibox.batch.run import BatchSummary, run_batch
from multibox.batch.runners import RUNNERS
from multibox.weights.file import save_weights
from tiny_detector import noise_image, tiny_model, write_image

BROKEN = ("03-cut.jpg", "08-empty.png")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, tiny_model())
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 11 images, two of which are broken."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(9):
        write_image(folder / f"{number:02}.jpg", noise_image(seed=number, width=80 + number, height=60))
    (folder / BROKEN[0]).write_bytes((folder / "00.jpg").read_bytes()[:200])
    (folder / BROKEN[1]).write_bytes(b"")
    return folder


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, weights: Path) -> Callable[..., BatchSummary]:
    """`run_batch` with the tiny detector and shards of 4 images, in this process."""
    monkeypatch.setitem(RUNNERS, "here", "batch_here")

    def run(source: object, out: object, **changed: Any) -> BatchSummary:
        chosen: dict[str, Any] = {"runner": "here", "weights": weights, "shard": 4, **changed}
        return run_batch(str(source), out=str(out), **chosen)

    return run
