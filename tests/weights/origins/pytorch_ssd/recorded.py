"""Outputs of pytorch-ssd's own code, for values and an image that can be drawn again.

`PYTHONPATH=tests python tests/weights/origins/pytorch_ssd/recorded.py QFGAOHAO LINZAER` writes them again, given copies
of qfgaohao/pytorch-ssd and Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB, which import torchvision. Only numbers
are kept.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.bases.torchvision_values import values

FILE = Path(__file__).parents[3] / "data_files" / "pytorch_ssd.json"
MODELS = {
    "mb1-ssd": ("mobilenetv1_ssd", "create_mobilenetv1_ssd"),
    "mb1-ssd-lite": ("mobilenetv1_ssd_lite", "create_mobilenetv1_ssd_lite"),
    "mb2-ssd-lite": ("mobilenet_v2_ssd_lite", "create_mobilenetv2_ssd_lite"),
    "sq-ssd-lite": ("squeezenet_ssd_lite", "create_squeezenet_ssd_lite"),
    "vgg16-ssd": ("vgg_ssd", "create_vgg_ssd"),
    "RFB": ("mb_tiny_RFB_fd", "create_Mb_Tiny_RFB_fd"),
    "slim": ("mb_tiny_fd", "create_mb_tiny_fd"),
}
"""For each model its module in their folder vision/ssd, and the function that makes it."""

OUTPUTS = {"RFB": 2, "slim": 2}
"""Scores of each box, background included; 4 if not listed."""


def pixels(name: str) -> np.ndarray:
    """An RGB image of the size of the network; with little contrast for VGG16, which does not scale it."""
    sides = (240, 320) if name in ("RFB", "slim") else (300, 300)
    low, high = (112, 116) if name == "vgg16-ssd" else (0, 256)
    return np.random.default_rng(2).integers(low, high, (*sides, 3), dtype=np.uint8)


def numbers(x: Tensor) -> list[float]:
    """The mean and the mean square, and the values at 24 places."""
    places = torch.linspace(0, x.numel() - 1, 24, dtype=torch.float64).long()
    return [float(x.mean()), float(x.square().mean()), *x.flatten()[places].tolist()]


@torch.inference_mode()
def record(name: str) -> dict:
    """Their boxes and scores, in a process of its own, because both projects have a package `vision`."""
    from importlib import import_module

    if name in ("RFB", "slim"):
        import_module("vision.ssd.config.fd_config").define_img_size(320)
    module, function = MODELS[name]
    make = getattr(import_module(f"vision.ssd.{module}"), function)
    extra = {"device": "cpu"} if name in ("RFB", "slim") else {}
    net = make(OUTPUTS.get(name, 4), is_test=True, **extra).eval()
    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items() if "num_batches" not in key}
    net.load_state_dict(values(shapes), strict=False)
    mean, std = (np.array([123, 117, 104]), 1.0) if name == "vgg16-ssd" else (np.array([127, 127, 127]), 128.0)
    x = torch.from_numpy(((pixels(name) - mean) / std).astype(np.float32).transpose(2, 0, 1))[None]
    scores, boxes = net(x)
    return {
        "tensors": [[key, *shape] for key, shape in shapes.items()],
        "scores": numbers(scores),
        "boxes": numbers(boxes),
        "priors": boxes.shape[1],
    }


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(record(sys.argv[1])))
    else:
        rows = []
        for name in MODELS:
            theirs = sys.argv[2] if name in OUTPUTS else sys.argv[1]
            paths = os.pathsep.join([theirs, os.environ["PYTHONPATH"]])
            environment = {**os.environ, "PYTHONPATH": paths}
            found = subprocess.run([sys.executable, __file__, name], env=environment, check=True, stdout=-1)
            rows.append(f'"{name}": ' + found.stdout.decode().strip().splitlines()[-1])
        FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n")
