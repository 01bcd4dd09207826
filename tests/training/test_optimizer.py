"""The rate of each step and the groups of parameters."""

from math import cos, pi

import pytest
import torch
from torch import nn

from multibox.experiments.recipes import PAPER, RECIPES, find_recipe
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


def caffe_weights(
    weight: torch.Tensor, gradients: list[torch.Tensor], rates: list[float], *, multiplier: float, decay: float
) -> torch.Tensor:
    """SGDSolver::ComputeUpdateValue and Blob::Update: v = 0.9 v + rate (g + decay w), w = w - v."""
    history = torch.zeros_like(weight)
    for gradient, rate in zip(gradients, rates, strict=True):
        history = 0.9 * history + multiplier * rate * (gradient + decay * weight)
        weight = weight - history
    return weight


RATES = [0.05] * 4 + [0.005] * 4 + [0.0005] * 3
WARM = [0.01, 0.02, 0.05, 0.05, 0.005, 0.005]


@pytest.mark.parametrize("rates", [RATES, WARM], ids=["two drops", "warm-up and a drop"])
def test_caffes_momentum_keeps_past_rates(rates: list[float]):
    """Weights and biases over changes of the rate against a loop of Caffe's formula; PyTorch's rule differs."""
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(2, 3, generator=generator), torch.randn(2, generator=generator)]
    gradients = [[torch.randn(value.shape, generator=generator) for _ in rates] for value in start]
    found = {}
    for rule in ("caffe", "torch"):
        layer = nn.Linear(3, 2)
        layer.load_state_dict(dict(zip(("weight", "bias"), start, strict=True)))
        optimizer = make_optimizer(layer, OptimizerConfig(momentum_rule=rule))
        for step, rate in enumerate(rates):
            layer.weight.grad, layer.bias.grad = (of_one[step].clone() for of_one in gradients)
            set_rate(optimizer, rate)
            optimizer.step()
        found[rule] = layer
    weight = caffe_weights(start[0], gradients[0], rates, multiplier=1, decay=5e-4)
    bias = caffe_weights(start[1], gradients[1], rates, multiplier=2, decay=0)
    torch.testing.assert_close(found["caffe"].weight.detach(), weight)
    torch.testing.assert_close(found["caffe"].bias.detach(), bias)
    assert not torch.allclose(found["torch"].weight, weight, atol=1e-3)


def test_the_momentum_rule_does_nothing_at_a_constant_rate():
    """Weights of both rules after steps at one rate against each other, bit for bit."""
    found = []
    for rule in ("caffe", "torch"):
        layer = nn.Linear(3, 2)
        nn.init.constant_(layer.weight, 0.5)
        optimizer = make_optimizer(layer, OptimizerConfig(momentum_rule=rule))
        for step in range(5):
            layer.weight.grad, layer.bias.grad = torch.full((2, 3), 0.1 * step), None
            set_rate(optimizer, 0.01)
            optimizer.step()
        found.append(layer.weight)
    assert torch.equal(*found)


def test_recipes_of_the_paper_have_caffes_momentum():
    """The rule of every row of the paper's tables, and of the everyday recipes."""
    for name in RECIPES:
        of_paper = name in PAPER or name in ("ssd300-voc", "ssd512-voc", "ssd300-coco", "ssd512-coco")
        assert find_recipe(name).optimizer.momentum_rule == ("caffe" if of_paper else "torch"), name


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
