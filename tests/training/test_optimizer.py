"""The rate of each step and the groups of parameters."""

from math import cos, pi

import pytest
import torch
from torch import nn

from multibox.models.config import slim300_config, ssd300_config
from multibox.models.ssd import SSD
from multibox.training.optimizer import OptimizerConfig, Schedule, make_optimizer, set_rate


def test_steps_follow_the_paper():
    """40k at 1e-3, 10k at 1e-4, 10k at 1e-5 (section 3.1) against the schedule's boundaries."""
    schedule = Schedule(60_000, milestones=(40_000, 50_000))
    rates = [schedule.at(step) for step in (0, 39_999, 40_000, 49_999, 50_000, 59_999)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_warmup_rises_in_a_line():
    """Warm-up against the line from a tenth of the rate to the rate."""
    schedule = Schedule(100, rate=1.0, warmup=10)
    assert [schedule.at(step) for step in (0, 5, 10, 50)] == pytest.approx([0.1, 0.55, 1.0, 1.0])


def test_cosine_falls_to_zero():
    """The cosine schedule against its formula."""
    schedule = Schedule(200, rate=0.4, shape="cosine")
    for step in (0, 37, 100, 200):
        assert schedule.at(step) == pytest.approx(0.2 * (1 + cos(pi * step / 200)))


def test_every_parameter_is_in_one_group_with_the_official_multipliers():
    """Biases 2 / 0, weights and the L2 scale 1 / 1 (model_libs.py) against the optimizer's groups."""
    with torch.device("meta"):
        model = SSD(ssd300_config(), ["a"])
    optimizer = make_optimizer(model, OptimizerConfig())
    set_rate(optimizer, 1e-3)
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert len(found) == sum(len(group["params"]) for group in optimizer.param_groups)
    for name, parameter in model.named_parameters():
        expected = (2e-3, 0.0) if name.endswith("bias") else (1e-3, 5e-4)
        assert found[id(parameter)] == pytest.approx(expected), name


def test_batch_normalization_does_not_decay():
    """Scale and shift of batch normalization against the rule: the plain rate, no decay."""
    with torch.device("meta"):
        model = SSD(slim300_config(), ["a"])
    optimizer = make_optimizer(model, OptimizerConfig())
    set_rate(optimizer, 1.0)
    norms = {id(p) for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
    group = next(g for g in optimizer.param_groups if {id(p) for p in g["params"]} & norms)
    assert {id(p) for p in group["params"]} == norms
    assert (group["lr"], group["weight_decay"]) == (1.0, 0.0)


def test_one_step_is_caffes_update():
    """One step with momentum and decay against v = 0.9 v + rate (g + decay w), w = w - v."""
    layer = nn.Linear(3, 2)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimizer = make_optimizer(layer, OptimizerConfig())
    speed = [torch.zeros(2, 3), torch.zeros(2)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        gradients = [torch.randn(2, 3, generator=generator), torch.randn(2, generator=generator)]
        layer.weight.grad, layer.bias.grad = gradients
        set_rate(optimizer, 0.01)
        optimizer.step()
        speed = [
            0.9 * speed[0] + 0.01 * (gradients[0] + 5e-4 * weight),
            0.9 * speed[1] + 0.02 * gradients[1],
        ]
        weight, bias = weight - speed[0], bias - speed[1]
    torch.testing.assert_close(layer.weight.detach(), weight)
    torch.testing.assert_close(layer.bias.detach(), bias)


def test_adamw_takes_the_first_step_of_its_formula():
    """Two parameters after one step against Adam's first step, sign(g) · rate, and the decoupled decay."""
    layer = nn.Linear(2, 1)
    before = {name: value.detach().clone() for name, value in layer.named_parameters()}
    optimizer = make_optimizer(layer, OptimizerConfig(kind="adamw", weight_decay=0.1))
    set_rate(optimizer, 0.01)
    layer(torch.tensor([[3.0, -2.0]])).sum().backward()
    optimizer.step()
    decayed = before["weight"] * (1 - 0.01 * 0.1)
    assert torch.allclose(layer.weight, decayed - 0.01 * torch.tensor([[1.0, -1.0]]))
    assert torch.allclose(layer.bias, before["bias"] - 0.02)
