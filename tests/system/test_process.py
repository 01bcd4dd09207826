"""What a process may use."""

import os

import pytest

from multibox.system.process import own_cores


def test_without_affinity(monkeypatch: pytest.MonkeyPatch):
    """A system that does not say which cores a process may use, against all cores of the machine."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert own_cores() == 3
