"""Communication between processes, and the error if one of them dies."""

import os
import time
from datetime import timedelta
from typing import Any

import pytest
import torch
import torch.distributed as dist

from multibox.errors import ProcessError, UsageError
from multibox.system.distributed import Agreement, joined
from together import forks, together

pytestmark = forks


def test_values_reach_all():
    """The value of the first, the values of each and the sum of all, in three processes, against plain lists."""

    def work(rank: int) -> tuple[Any, ...]:
        with joined() as processes:
            made = processes.from_first(lambda: {"by": rank, "tensor": torch.arange(3)})
            return made["by"], made["tensor"].tolist(), processes.gather(rank), int(processes.sum(torch.tensor(rank)))

    assert together(work, count=3) == [(0, [0, 1, 2], [0, 1, 2], 3)] * 3


def test_all_processes_raise_the_error_of_the_first():
    """An error of the first process against those of both."""

    def refuse() -> None:
        raise UsageError("wrong")

    def work(_rank: int) -> None:
        with joined() as processes:
            processes.from_first(refuse)

    assert [str(error) for error in together(work)] == ["wrong"] * 2


def test_processes_act_on_a_signal_after_the_same_step():
    """Two processes learn of a signal to one of them at the same step, one step later."""

    def work(rank: int) -> list[int]:
        with joined() as processes:
            agreement = Agreement(processes)
            return [agreement.largest(15 if (rank, step) == (1, 2) else 0) for step in range(5)]

    assert together(work) == [[0, 0, 0, 15, 0]] * 2


@pytest.mark.parametrize("ending", ["dies", "hangs"])
def test_a_lost_process_ends_the_others_soon(ending: str):
    """A process that dies or hangs in the second exchange against the error of the other, within seconds."""

    def work(rank: int) -> float:
        with joined(patience=timedelta(seconds=3)) as processes:
            processes.gather(rank)
            if rank == 1 and ending == "dies":
                os._exit(3)
            if rank == 1:
                time.sleep(30)
            processes.sum(torch.ones(3))
        return 0.0

    started = time.monotonic()
    error = together(work, awaited=1)[0]
    assert isinstance(error, ProcessError)
    assert str(error).startswith("process 0 of 2 stops because another one ended or did not answer within 3 s")
    assert time.monotonic() - started < 25


@pytest.mark.parametrize("port", [None, "22x", "1"])
def test_processes_that_cannot_join(port: str | None):
    """A port that is missing, no number, or closed, against one line that names the reason and the next step."""

    def work(_rank: int) -> None:
        os.environ.pop("MASTER_PORT")
        os.environ.update({"MASTER_PORT": port} if port else {}, RANK="1")
        with joined(patience=timedelta(seconds=1)):
            pass

    error = together(work, awaited=1)[0]
    assert isinstance(error, ProcessError)
    assert str(error).startswith("process 1 of 2 cannot join the others (")
    assert "check MASTER_ADDR and MASTER_PORT" in str(error)


def test_no_process_works_before_all_have_joined(monkeypatch: pytest.MonkeyPatch):
    """A process that joins late: the other enters the block, where it may end, only after that."""
    join = dist.init_process_group

    def work(rank: int) -> tuple[float, float]:
        def late(*given: Any, **named: Any) -> None:
            join(*given, **named)
            time.sleep(0.5 * rank)
            joins.append(time.monotonic())

        joins: list[float] = []
        monkeypatch.setattr(dist, "init_process_group", late)
        with joined():
            return joins[0], time.monotonic()

    (_, entered), (late, _) = together(work)
    assert entered >= late
