"""A training step never reads a value from the device, so that the host never waits for a GPU."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from multibox import loss, matching
from multibox.data.loading.batch import Batch
from multibox.loss import LossConfig, multibox_loss
from multibox.models.ssd import SSD
from multibox.training import loop
from multibox.training.run import LoopConfig
from tiny_training import make_batch, make_run, tiny_config, train

WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "unique_dim", "_unique2", "is_nonzero"}


class Waits(TorchDispatchMode):
    """Records the operations for which the host has to wait for its device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        masks = name in ("index", "index_put", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if name in WAITING or masks:
            self.found.append(name)
        return function(*args, **(kwargs or {}))


def test_waiting_is_detected():
    """Common operations that wait against the recorded names."""
    values = torch.arange(4.0)
    with Waits() as mode:
        values[values > 1].sum().item()
        bool((values > 2).any())
        values[values > 2] = 0
    assert mode.found == ["index", "_local_scalar_dense", "_local_scalar_dense", "index_put_"]


@pytest.mark.parametrize(
    "config",
    [
        LoopConfig(batch_size=4, ema=0.9),
        LoopConfig(batch_size=8, accumulate=2, non_finite="skip", normalizer="global"),
        LoopConfig(batch_size=4, precision="bf16"),
    ],
)
def test_steps_do_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: LoopConfig):
    """Steps without a report against an empty list of operations that wait; also with clipping and boundary priors."""
    run = make_run(iterations=6, loop=replace(config, report_every=6, checkpoint_every=6))
    run.loss = LossConfig(background_negatives=3, skip_boundary=True)
    run.optimizer_config = replace(run.optimizer_config, clip=1.0)
    found: list[list[str]] = []
    accumulate = loop.accumulate_gradients

    def watched(*given: Any) -> Any:
        """The operations recorded in each step, except the last one, which is followed by the report."""
        found.append([])
        mode.found = found[-1]
        return accumulate(*given)

    monkeypatch.setattr(loop, "accumulate_gradients", watched)
    monkeypatch.setattr(matching, "_host_may_wait", lambda device, objects: False)  # as on a GPU
    monkeypatch.setattr(loss, "_host_may_wait", lambda device: False)
    with Waits() as mode:
        train(run, tmp_path)
    assert len(found) == 6
    assert found[:5] == [[]] * 5
    assert "_local_scalar_dense" in found[5]


def test_network_and_loss_read_no_value():
    """A step on meta tensors, which have no values, against gradients for all parameters."""
    model = SSD(tiny_config(), ["square"]).to("meta")
    batch: Batch = make_batch(0).to("meta")
    for rows in (0, 1):
        boxes, labels, valid = batch.boxes[:, :rows], batch.labels[:, :rows], batch.valid[:, :rows]
        losses = multibox_loss(*model(batch.images), boxes, labels, valid, coder=model.coder, config=LossConfig())
        losses.total.backward()
    assert all(p.grad is not None and p.grad.is_meta for p in model.parameters())
