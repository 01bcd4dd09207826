"""The environment variables of launchers."""

import pytest
import torch

from multibox.errors import UsageError
from multibox.system.device import choose_device
from multibox.system.launcher import Place, place

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "one"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_torchruns_variables_are_the_place(environment: pytest.MonkeyPatch):
    """The variables that torchrun documents against the place of the process."""
    assert place() == Place(0, 1, 0, 1)
    assert place().alone
    for name, value in TORCHRUN.items():
        environment.setenv(name, value)
    assert place() == Place(5, 8, 1, 4)
    assert not place().first


def test_a_batch_system_is_no_launcher(environment: pytest.MonkeyPatch):
    """Ranks without an address to meet, and a single process of a launcher, against a process alone."""
    for name in ("RANK", "WORLD_SIZE"):
        environment.setenv(name, TORCHRUN[name])
    assert place().alone
    environment.setenv("MASTER_ADDR", "one")
    environment.setenv("WORLD_SIZE", "1")
    assert place().alone


def test_each_process_has_its_gpu(environment: pytest.MonkeyPatch):
    """The device of local process 1 against the second GPU; too few GPUs are an error."""
    for name, value in TORCHRUN.items():
        environment.setenv(name, value)
    environment.setattr(torch.cuda, "is_available", lambda: True)
    environment.setattr(torch.cuda, "device_count", lambda: 4)
    assert choose_device(None) == choose_device("cuda") == choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match="each process takes its own GPU"):
        choose_device("cuda:0")
    environment.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match="4 processes on a machine with 2 GPUs"):
        choose_device("cuda")
