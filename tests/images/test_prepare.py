"""Images that threads prepare ahead."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multibox.errors import DataError
from multibox.images import prepare
from multibox.images.prepare import Prepared, prepare_ahead
from multibox.size import Size

IMAGE = np.zeros((6, 9, 3), np.uint8)


@pytest.mark.parametrize(("cores", "ahead", "threads"), [(12, 15, 12), (12, 2, 3), (1, 15, 1), (12, 0, 1)])
def test_threads(monkeypatch: pytest.MonkeyPatch, cores: int, ahead: int, threads: int):
    """The number of threads against the cores of the process and the images ahead; the results keep their order."""
    counts = []
    pool = prepare.ThreadPoolExecutor

    def counted(count: int, **options: Any):
        counts.append(count)
        return pool(count, **options)

    monkeypatch.setattr(prepare, "ThreadPoolExecutor", counted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    sources = [IMAGE, Path("missing.jpg"), IMAGE[:3]]
    found = list(prepare_ahead(sources, input_size=Size(4, 5), ahead=ahead))
    assert counts == [threads]
    assert isinstance(found[0], Prepared)
    assert isinstance(found[1], DataError)
    assert isinstance(found[2], Prepared)
    assert (found[0].image_size, found[2].image_size) == (Size(6, 9), Size(3, 9))
    assert found[0].pixels.shape == (4, 5, 3)


def test_results_of_any_work_keep_their_order():
    """More threads than cores, for work that waits, against the results in order."""
    assert list(prepare.map_ahead(lambda number: number * number, range(50), ahead=20, threads=7)) == [
        number * number for number in range(50)
    ]
