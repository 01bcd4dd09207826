"""torchvision's SSD detectors, timed on demand; run by detect.py in a separate process and environment.

First argument: "ssd300_vgg16" or "ssdlite320_mobilenet_v3_large"; then a file for the weights, which are random but
scaled so that the number of candidates is given; that number; the number of threads; images. Answers each line
"INDEX" with the milliseconds from the bytes of that JPEG to boxes, and each line "BOXES INDEX" with boxes and scores.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.models import detection

CLASSES = 91


def read(data: bytes) -> Tensor:
    pixels = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    return pixels.float() / 255


@contextmanager
def raw_logits(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collects the class scores of all priors before the softmax."""
    found: list[Tensor] = []
    handle = model.head.classification_head.register_forward_hook(lambda layer, inputs, output: found.append(output))
    yield found
    handle.remove()


def last_layers(model: nn.Module) -> list[nn.Conv2d]:
    """The layer of each source map that computes its class scores."""
    maps = model.head.classification_head.module_list
    return [[m for m in part.modules() if isinstance(m, nn.Conv2d)][-1] for part in maps]


def lived_in(model: nn.Module, images: list[Tensor]) -> None:
    """Statistics of batch normalization from the images, so that signals neither vanish nor explode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.3
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    sized, _ = model.transform(images)
    for _ in range(4):
        model.head(list(model.backbone(sized.tensors).values()))
    model.eval()


def spread_scores(model: nn.Module, images: list[Tensor], *, candidates: int) -> None:
    """Logits of standard deviation 2.5 on every map, and a bias of the background that lets `candidates` pass."""
    layers = last_layers(model)
    spreads: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda module, inputs, output: spreads.append(output.std())) for layer in layers
    ]
    model(images[:1])
    for handle in handles:
        handle.remove()
    for layer, spread in zip(layers, spreads, strict=True):
        layer.weight.mul_(2.5 / spread)
    with raw_logits(model) as found:
        model(images)
    low, high = -20.0, 40.0
    for _ in range(40):
        middle = (low + high) / 2
        logits = found[0].clone()
        logits[..., 0] += middle
        passing = (logits.softmax(-1)[..., 1:] > model.score_thresh).sum() / len(images)
        low, high = (middle, high) if passing > candidates else (low, middle)
    for layer in layers:
        layer.bias.view(-1, CLASSES)[:, 0] += low


@torch.inference_mode()
def main() -> None:
    name, weights, candidates, threads, *images = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    files = [Path(image).read_bytes() for image in images]
    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    tensors = [read(data) for data in files[:4]]
    if name.startswith("ssdlite"):
        lived_in(model, tensors)
    spread_scores(model, tensors, candidates=int(candidates))
    torch.save(model.state_dict(), weights)
    for data in files[:3]:
        model([read(data)])
    print("ready", flush=True)
    for line in sys.stdin:
        *wanted, index = line.split()
        start = time.perf_counter()
        (found,) = model([read(files[int(index)])])
        spent = 1000 * (time.perf_counter() - start)
        print(json.dumps({k: v.tolist() for k, v in found.items()} if wanted else spent), flush=True)


if __name__ == "__main__":
    main()
