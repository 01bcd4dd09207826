"""The numbers of a measured training step, on a network that steps in milliseconds."""

from collections.abc import Iterator
from itertools import repeat

import pytest
import torch

from multibox.bench.train import PARTS, bench_train
from multibox.data.loading.batch import Batch
from multibox.loss import LossConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.models.operations import count_training_operations
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig, Run


def tiny_run(**loop: float) -> Run:
    priors = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    config = ModelConfig("tiny", VGG16Config(width=1 / 32, batch_norm=True), (Extra(8, 16),), priors, std=(58.0,) * 3)
    return Run(
        SSD(config, ("a", "b")),
        loop=LoopConfig(batch_size=3, **loop),
        optimizer=OptimizerConfig(),
        schedule=Schedule(10, rate=1.0),
        loss=LossConfig(),
    )


def batch_of_three() -> Batch:
    boxes = torch.tensor([[[0.1, 0.1, 0.5, 0.5], [0.3, 0.2, 0.9, 0.8]]]).repeat(3, 1, 1)
    valid = torch.tensor([[True, True], [True, False], [False, False]])
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    return Batch(images, boxes, torch.zeros(3, 2, dtype=torch.int64), valid, ~valid, ["x", "y", "z"])


def test_parts_make_up_the_whole():
    """Shares against their sum, times against the whole, rates against the count of operations and the time."""
    run, asked = tiny_run(), []

    def stream(workers: int) -> Iterator[Batch]:
        asked.append(workers)
        return repeat(batch_of_three())

    found = bench_train(run, stream, steps=3, workers=2)
    assert asked == [0, 2]
    assert (found["batch"], found["steps"], found["objects_per_batch"]) == (3, 3, 3)
    for kind in (found["in_memory"], found["with_loader"]):
        assert set(kind["shares"]) == set(PARTS)
        assert sum(kind["shares"].values()) == pytest.approx(1, abs=1e-3)
        medians = {part: kind["milliseconds"][part]["median"] for part in PARTS}
        assert all(value >= 0 for value in medians.values())
        step = kind["milliseconds"]["step"]
        assert step["q1"] <= step["median"] <= step["q3"]
    assert set(found["in_memory"]["inside_loss"]) == {"match", "mine"}
    expected = count_training_operations(run.model) * 3 * 1000 / found["in_memory"]["milliseconds"]["step"]["median"]
    assert found["giga_operations_per_second"] == pytest.approx(expected, rel=0.05, abs=0.06)
    assert found["peak_memory_mib"] > 0


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_measuring_leaves_the_weights(average: float):
    """Parameters before and after, with and without a moving average; there are gradients in both cases."""
    run = tiny_run(ema=average)
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    bench_train(run, lambda workers: repeat(batch_of_three()), steps=1)
    for name, value in run.model.named_parameters():
        assert torch.equal(value, before[name]), name
        assert value.grad is not None
