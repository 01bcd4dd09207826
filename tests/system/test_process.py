"""Process-wide settings, against their state."""

import gc
import os

import pytest

from multibox.system.process import loading_packages, own_cores, without_collection


def test_without_affinity(monkeypatch: pytest.MonkeyPatch):
    """A system that does not say which cores a process may use, against all cores of the machine."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert own_cores() == 3


def test_collection_is_paused_and_resumed() -> None:
    """The collector inside nested blocks and after them, whether it was on or off before."""
    with without_collection():
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_only_a_process_that_froze_objects_freezes_more() -> None:
    """The number of frozen objects after a block: none in the process of a library's user, more in a command's."""
    assert gc.get_freeze_count() == 0
    with loading_packages():
        assert not gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        with loading_packages():
            kept = [[] for _ in range(100)]
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()
    assert gc.isenabled()
