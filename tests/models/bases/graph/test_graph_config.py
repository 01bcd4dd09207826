"""A detector on a graph: its description in weight files, also damaged ones, its folding, and new classes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from multibox.errors import WeightsError
from multibox.models.bases.graph.config import GraphConfig, GraphStep, Head, Predictor
from multibox.models.bases.graph.layers.known import (
    Activation,
    BatchNorm,
    Concat,
    Convolution,
    Deconvolution,
    Eltwise,
    LeakyReLU,
    Linear,
    Normalize,
    Pool,
    PReLU,
    Reshape,
    Scale,
)
from multibox.models.config import ModelConfig
from multibox.models.faults import find_fault
from multibox.models.folded import FoldedSSD
from multibox.models.operations import count_operations
from multibox.models.ssd import SSD
from multibox.priors import sized_spec
from multibox.size import Size
from multibox.weights.description import Description, parse_description
from multibox.weights.file import load_weights, save_weights
from multibox.weights.remap import remap

SIZE = Size(40, 56)


def graph() -> GraphConfig:
    """Branches that meet, a matrix, layers that fold and layers that do not, and sources that differ for a head."""
    down = Convolution(8, 8, (3, 3), (2, 2), (1, 1), groups=8)
    steps = (
        GraphStep("stem", ("image",), (Convolution(3, 8, (3, 3), (2, 2), (1, 1), bias=False), BatchNorm(8), PReLU(8))),
        GraphStep("left", ("stem",), (Convolution(8, 8, (3, 3), (2, 2), (1, 1)), Scale(8), LeakyReLU(0.1))),
        GraphStep("right", ("stem",), (Pool("max", (2, 2), (2, 2)), BatchNorm(8), Activation("relu"))),
        GraphStep("sum", ("left", "right"), (Eltwise("sum", (1.0, 0.5)),)),
        GraphStep("norm", ("sum",), (Normalize(8),)),
        GraphStep("far", ("sum",), (down, BatchNorm(8), Scale(8, factors=False), Activation("relu6"))),
        GraphStep("wide", ("far",), (Deconvolution(8, 8, (2, 2), (2, 2)),)),
        GraphStep("both", ("norm", "wide"), (Concat(),)),
        GraphStep("tip", ("far",), (Linear(280, 8), Reshape((8, 1, 1)))),
    )
    point = {"kernel": (1, 1), "padding": (0, 0)}
    heads = (
        Head(Predictor("norm", 8), Predictor("both", 16)),
        Head(Predictor("far", 8), Predictor("far", 8)),
        Head(Predictor("tip", 8, **point), Predictor("tip", 8, **point)),
    )
    return GraphConfig(steps, heads)


def config() -> ModelConfig:
    base = graph()
    priors = sized_spec(SIZE, base.cells(SIZE), sizes=(8, 16, 32, 40), ratios=[(2.0,), (2.0, 3.0), ()])
    return ModelConfig("small", base, (), priors, std=(58.0, 57.0, 56.0))


@pytest.fixture
def model() -> SSD:
    torch.manual_seed(0)
    return lively(SSD(config(), ("a", "b")))


def lively(model: SSD) -> SSD:
    """The model in evaluation mode with random values in all parameters and statistics."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point() and value.ndim == 1:
                value.uniform_(0.5 if name.endswith(("var", "weight")) else -0.5, 1.5, generator=generator)
    return model.eval()


def images() -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def test_cells_and_outputs(model: SSD) -> None:
    """Cells of the config, and as many predictions as priors."""
    assert model.config.base.cells(SIZE) == ((10, 14), (5, 7), (1, 1))
    assert find_fault(model.config) is None
    offsets, logits = model(images())
    assert offsets.shape == (2, model.config.priors.count, 4)
    assert logits.shape == (2, model.config.priors.count, 3)
    assert count_operations(model) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_folded(model: SSD, dtype: torch.dtype) -> None:
    """The folded network against the model, and no normalization left behind a convolution."""
    folded = FoldedSSD(model, dtype=dtype)
    tolerance = 2e-5 if dtype == torch.float32 else 0.1
    for ours, expected in zip(folded(images()), model(images()), strict=True):
        torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    left = [type(layer).__name__ for layer in folded.base.modules()]
    assert left.count("BatchNorm2d") == 1  # the one after pooling
    assert left.count("ChannelScale") == 1  # the factors of the L2Norm


@torch.inference_mode()
def test_image_that_several_layers_see() -> None:
    """If no single convolution sees the image, the folded network divides by the deviation."""
    steps = (
        GraphStep("a", ("image",), (Convolution(3, 4, (3, 3), (2, 2), (1, 1)),)),
        GraphStep("b", ("image",), (Pool("average", (2, 2), (2, 2)), Convolution(3, 4, (1, 1)))),
        GraphStep("sum", ("a", "b"), (Eltwise("max"),)),
    )
    base = GraphConfig(steps, (Head(Predictor("sum", 4), Predictor("sum", 4)),))
    priors = sized_spec(SIZE, base.cells(SIZE), sizes=(8, 16), ratios=[(2.0,)])
    model = SSD(ModelConfig("two", base, (), priors, std=(58.0, 57.0, 56.0)), ("a",)).eval()
    assert model.base.image_convolution() is None
    for ours, expected in zip(FoldedSSD(model)(images()), model(images()), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_weight_file(tmp_path: Path, model: SSD) -> None:
    """A weight file gives the same config and outputs."""
    save_weights(tmp_path / "a.safetensors", model)
    loaded, _ = load_weights(tmp_path / "a.safetensors")
    assert loaded.config == model.config
    assert all(torch.equal(a, b) for a, b in zip(loaded(images()), model(images()), strict=True))


def test_new_classes(model: SSD) -> None:
    """Another list of classes: kept classes have the same scores relative to the background, offsets are equal."""
    changed = remap(model, class_names=("b", "new", "a"), generator=torch.Generator().manual_seed(0))
    (offsets, logits), (old_offsets, old) = changed(images()), model(images())
    assert torch.equal(offsets, old_offsets)
    torch.testing.assert_close(logits[..., [0, 3, 1]], old)


def test_one_training_step(model: SSD) -> None:
    """Gradients reach every parameter."""
    model.train()
    offsets, logits = model(images())
    (offsets.square().sum() + logits.square().sum()).backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []


BIG = 10**9
DAMAGED: list[tuple[str, Any]] = [
    ("heads", []),
    ("heads.0.location.source", "nothing"),
    ("heads.0.location.channels", 9),
    ("heads.0.location.kernel", [BIG, 3]),
    ("heads.0.location.stride", [0, 1]),
    ("heads.0.confidence.stride", [2, 2]),
    ("steps.0.name", "a.b"),
    ("steps.0.name", "pop"),
    ("steps.1.name", "stem"),
    ("steps.1.name", "x" * 300),
    ("steps.1.inputs", ["far"]),
    ("steps.1.inputs", []),
    ("steps.1.inputs", ["stem", "stem"]),
    ("steps.1.layers", []),
    ("steps.0.layers.0.kind", "shell"),
    ("steps.0.layers.0.out", BIG),
    ("steps.0.layers.0.out", 0),
    ("steps.0.layers.0.channels", 4),
    ("steps.0.layers.0.padding", [BIG, BIG]),
    ("steps.0.layers.0.padding", [4000, 4000]),
    ("steps.0.layers.0.kernel", [3]),
    ("steps.0.layers.0.stride", [-1, 1]),
    ("steps.0.layers.0.dilation", [4000, 4000]),
    ("steps.0.layers.0.groups", 2),
    ("steps.0.layers.1.eps", float("nan")),
    ("steps.0.layers.1.eps", -1.0),
    ("steps.1.layers.2.slope", float("inf")),
    ("steps.2.layers.0.kernel", [99, 99]),
    ("steps.2.layers.0.operation", "median"),
    ("steps.3.layers.0.coefficients", [1.0]),
    ("steps.4.layers.0.eps", 0.0),
    ("steps.6.layers.0.stride", [4000, 4000]),
    ("steps.8.layers.0.values", 281),
    ("steps.8.layers.0.out", BIG),
    ("steps.8.layers.1.sides", [8, -1, -1]),
    ("steps.8.layers.1.sides", []),
    ("steps.8.layers.1.sides", [7, 1, 1]),
    ("steps.8.layers.1.sides", [0, 1, 1]),
]


@pytest.mark.parametrize(("key", "value"), DAMAGED, ids=str)
def test_damaged_descriptions(key: str, value: object) -> None:
    """One wrong value in the graph against one line that names the file; nothing is built."""
    fields = json.loads(Description(("a", "b"), config(), {}).to_text())
    *above, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    inner = fields["config"]["base"]
    for part in above:
        inner = inner[part]
    inner[last] = value
    with pytest.raises(WeightsError) as caught:
        parse_description(json.dumps(fields), source="w.safetensors")
    assert "w.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_limits_of_a_graph() -> None:
    """Too many steps, too much work for an image, extra layers beside a graph: each with its rule."""
    whole = config()
    step = GraphStep("s", ("image",), (Activation("relu"),))
    many = tuple(replace(step, name=f"s{i}") for i in range(6000))
    assert "at most 5000" in str(GraphConfig(many, graph().heads).fault())
    heavy = Convolution(8, 8, (63, 63), (1, 1), (31, 31))
    slow = GraphConfig((graph().steps[0], GraphStep("x", ("stem",), (heavy,) * 100)), graph().heads)
    assert "multiplications" in str(slow.size_fault(Size(640, 640)))
    fault = find_fault(replace(whole, sources=(0,)))
    assert fault is not None
    assert "has its own heads" in fault
