"""Number types of a step, and the scaling of the loss for fp16."""

from pathlib import Path

import pytest
import torch

from multibox.errors import TrainingError, UsageError
from multibox.training.finite import FiniteWatch, make_skippable
from multibox.training.network import computing_type
from multibox.training.run import LoopConfig, Run
from tiny_training import LOOP, make_run, restore, train

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_types_have_names(monkeypatch: pytest.MonkeyPatch):
    """Words against torch's types; fp16 against an error on a CPU."""
    assert computing_type("fp32", CPU) == torch.float32
    assert computing_type("bf16", CPU) == torch.bfloat16
    assert computing_type("fp16", GPU) == torch.float16
    for there, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr("multibox.training.network.computes_bfloat16", lambda _, there=there: there)
        assert computing_type("auto", CPU) == expected
    with pytest.raises(UsageError, match="fp16 needs a CUDA device, this is cpu: choose auto, fp32 or bf16"):
        make_run(iterations=1, loop=LoopConfig(precision="fp16"))


def scaled(run: Run, *, scale: float) -> Run:
    """Scale the loss as in fp16 but compute in float32, in which powers of two change no digit."""
    run.scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=10_000)
    run.watch = FiniteWatch("stop", scaled=True)
    make_skippable(run.optimizer)
    return run


def test_a_scale_that_is_too_large_costs_only_steps(tmp_path: Path):
    """Weights of a run whose first gradients overflow against those of one that begins after these steps."""
    run = scaled(make_run(iterations=6, loop=LOOP), scale=2.0**125)
    train(run, tmp_path)
    assert run.scaler is not None
    lost = 125 - int(torch.tensor(run.scaler.get_scale()).log2())
    assert 0 < lost < 6
    assert run.watch.skipped == 0

    later = make_run(iterations=6, loop=LOOP)
    later.step = lost
    train(later, tmp_path, start=lost)
    for name, value in later.model.state_dict().items():
        assert torch.equal(run.model.state_dict()[name], value), name


def test_a_gradient_that_overflows_at_every_scale_ends_the_run():
    """Forty gradients in a row that are not finite against the error that ends them."""
    watch = FiniteWatch("stop", scaled=True)
    for step in range(40):
        watch.record(step, ["a.jpg"], loss=torch.tensor(1.0), norm=torch.tensor(float("inf")))
        if step < 39:
            assert watch.check() == []
    with pytest.raises(TrainingError, match=r"the gradient of step 39 is inf .*the 40th such step in a row"):
        watch.check()


def test_the_scale_is_in_the_checkpoint(tmp_path: Path):
    """The scale of a resumed run against the scale at its checkpoint."""
    run = scaled(make_run(iterations=6, loop=LOOP), scale=2.0**125)
    train(run, tmp_path)
    resumed = scaled(make_run(iterations=6, loop=LOOP), scale=2.0)
    restore(resumed, tmp_path)
    assert run.scaler is not None
    assert resumed.scaler is not None
    assert resumed.scaler.get_scale() == run.scaler.get_scale() < 2.0**125


def test_parameters_gradients_and_momenta_have_one_layout(tmp_path: Path):
    """Strides of gradients and momenta against those of their parameters, also in a resumed run."""
    run = make_run(iterations=3, loop=LOOP)
    train(run, tmp_path)
    resumed = make_run(iterations=4, loop=LOOP)
    for moments in run.optimizer.state.values():
        moments["momentum_buffer"] = moments["momentum_buffer"].contiguous()
    run.save(tmp_path)
    restore(resumed, tmp_path)
    train(resumed, tmp_path, start=3)
    kernels = 0
    for parameter, moments in resumed.optimizer.state.items():
        assert parameter.grad is not None
        assert parameter.grad.stride() == parameter.stride() == moments["momentum_buffer"].stride()
        kernels += not parameter.is_contiguous()
    assert kernels > 5
