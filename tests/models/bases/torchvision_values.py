"""Values for torchvision's classifiers, and numbers of the maps that torchvision 0.28 computed with them.

`python tests/models/bases/torchvision_values.py` writes the numbers again where torchvision can be imported.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

NUMBERS = Path(__file__).parents[2] / "data_files" / "torchvision_bases.json"
NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2")
SIDES = (65, 98)


def values(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """For each tensor values that keep the scale of the maps, in the order of the names."""
    rng = np.random.default_rng(0)
    return {name: torch.from_numpy(_value(rng, name, shape)) for name, shape in shapes.items()}


def _value(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 4:
        return rng.standard_normal(shape, dtype=np.float32) * np.float32((2 / np.prod(shape[1:])) ** 0.5)
    if name.endswith(("running_var", "weight")):
        return rng.uniform(0.5, 1.0, shape).astype(np.float32)
    return rng.uniform(-0.2, 0.2, shape).astype(np.float32)


def image() -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((1, 3, *SIDES), dtype=np.float32))


def numbers(maps: list[Tensor]) -> list[list[float]]:
    """The mean and the mean square of each map, and its values at eight places."""
    found = []
    for x in maps:
        places = x.flatten()[torch.linspace(0, x.numel() - 1, 8).long()]
        found.append([float(x.mean()), float(x.square().mean()), *places.tolist()])
    return found


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shapes of the layers below the classifier; counters of batches have no values to set."""
    parts = ("fc", "classifier")
    return {
        name: tuple(value.shape)
        for name, value in state.items()
        if name.split(".")[0] not in parts and not name.endswith("num_batches_tracked")
    }


@torch.inference_mode()
def record() -> None:
    import torchvision.models as theirs

    found = {}
    for name in NAMES:
        model = getattr(theirs, name)().eval()
        shapes = shapes_of(model.state_dict())
        model.load_state_dict(values(shapes), strict=False)
        x, maps = image(), []
        if name == "mobilenet_v2":
            for position, layer in enumerate(model.features):
                maps += [layer.conv[0](x)] if position in (7, 14) else []
                x = layer(x)
            maps.append(x)
        else:
            x = model.layer1(model.maxpool(model.relu(model.bn1(model.conv1(x)))))
            for layer in (model.layer2, model.layer3, model.layer4):
                x = layer(x)
                maps.append(x)
        found[name] = {"tensors": [[key, *shape] for key, shape in shapes.items()], "maps": numbers(maps)}
    rows = [f'"{name}": ' + json.dumps(entry) for name, entry in found.items()]
    NUMBERS.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    record()
