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
    """The objects that a later search looks at: those of a library's user, but not those that a command loaded."""
    assert gc.get_freeze_count() == 0
    with loading_packages():
        assert not gc.isenabled()
        loaded: list[object] = []
    assert any(seen is loaded for seen in gc.get_objects())
    gc.freeze()
    try:
        with loading_packages():
            loaded = []
        assert not any(seen is loaded for seen in gc.get_objects())
    finally:
        gc.unfreeze()
    assert gc.isenabled()
