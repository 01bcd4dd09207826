"""The clock against known times."""

import time

import pytest

from multibox.system.clock import Clock


def test_stages_of_one_name_add_up():
    """Three stages, two with the same name, against the time spent asleep in them."""
    clock = Clock()
    for name in ("a", "b", "a"):
        time.sleep(0.002)
        clock.mark(name)
    times = clock.milliseconds()
    assert list(times) == ["a", "b"]
    assert times["a"] >= 4
    assert times["b"] >= 2
    assert sum(times.values()) == pytest.approx(times["a"] + times["b"])
