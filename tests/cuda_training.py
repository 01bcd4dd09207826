"""Runs of a tiny network for the tests on a CUDA device, and the comparison of their weights."""

import torch

from cuda_device import CUDA
from multibox.loss import LossConfig
from multibox.models.ssd import SSD
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig, Run
from tiny_training import LOOP, tiny_config


def make_run(
    *,
    device: torch.device = CUDA,
    iterations: int = 6,
    loop: LoopConfig = LOOP,
    batch_norm: bool = False,
    rate: float = 0.005,
    kind: str = "sgd",
) -> Run:
    torch.manual_seed(0)
    return Run(
        SSD(tiny_config(batch_norm=batch_norm), ["square"]).to(device),
        loop=loop,
        optimizer=OptimizerConfig(kind=kind),  # type: ignore[arg-type]
        schedule=Schedule(iterations, rate=rate, warmup=2),
        loss=LossConfig(),
    )


def values(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in run.model.state_dict().items()}


def assert_close(one: Run, other: Run, *, rtol: float = 1e-3, atol: float = 1e-5) -> None:
    expected = values(other)
    for name, value in values(one).items():
        torch.testing.assert_close(
            value, expected[name], rtol=rtol, atol=atol, msg=lambda text, at=name: f"{at}: {text}"
        )
