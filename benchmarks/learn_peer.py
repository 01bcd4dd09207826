"""torchvision's SSDLite320 trained for some minutes of processor time on a data set, to compare with `lite320`.

    OMP_NUM_THREADS=1 PYTHONPATH=src PYTHON -m benchmarks.learn_peer --data DATA --split trainval --test-split test
        --classes dog,cat --minutes 30 --start mobilenetv2.pt

PYTHON has torchvision and multibox's dependencies. The loader, the augmentation, the optimizer with its rates, the
cosine and the moving average of the weights are those of the recipe `lite320`; network, matching, loss and
post-processing are torchvision's. Without --start the network is its MobileNetV3 with random weights, all of which
learn at the full rate. With it, MobileNetV2 starts from these weights, learns at a tenth of the
rate, and keeps its first blocks and its statistics.
"""

import argparse
import time
from dataclasses import dataclass, replace
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torchvision.models import mobilenet_v2
from torchvision.models.detection import _utils, ssdlite320_mobilenet_v3_large
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead, _mobilenet_extractor

from benchmarks.gpu import peer
from benchmarks.gpu.learn import detect_all, score
from multibox.data.dataset import Dataset
from multibox.data.load import choose_classes, load_dataset
from multibox.data.loading.loader import batches
from multibox.experiments.recipes.lite import lite320
from multibox.size import Size

SIZE = Size(320, 320)
TRAINED = 4  # of the six groups of layers that torchvision counts, from the end
EMA = lite320().loop.ema


@dataclass
class Clock:
    """Processor time of this process since the first step, as a share of `seconds`."""

    seconds: float
    start: float = 0.0

    @property
    def progress(self) -> float:
        return (time.process_time() - self.start) / self.seconds


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalization with the constants of torchvision's SSDLite320."""
    return nn.BatchNorm2d(channels, eps=0.001, momentum=0.03)


def from_scratch(classes: int) -> SSD:
    return ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=classes + 1)


def from_imagenet(path: Path, classes: int) -> SSD:
    """SSDLite320 as torchvision puts it together, with its MobileNetV2."""
    base = mobilenet_v2()
    given = torch.load(path, weights_only=True)  # older files number the layers otherwise, in the same order
    values = [value for name, value in given.items() if not name.startswith("classifier.")]
    base.features.load_state_dict(dict(zip(base.features.state_dict(), values, strict=True)))
    for layers in base.features[1:-1]:
        layers.block = layers.conv  # the name that the extractor expects
    backbone = _mobilenet_extractor(base, TRAINED, norm)
    anchors = DefaultBoxGenerator([[2, 3] for _ in range(6)], min_ratio=0.2, max_ratio=0.95)
    channels = _utils.retrieve_out_channels(backbone, SIZE)
    head = SSDLiteHead(channels, anchors.num_anchors_per_location(), classes + 1, norm)
    limits = {"score_thresh": 0.001, "nms_thresh": 0.55, "detections_per_img": 300, "topk_candidates": 300}
    return SSD(backbone, anchors, SIZE, classes + 1, head=head, **limits)


def make_optimizer(model: SSD, *, pretrained: bool) -> torch.optim.Optimizer:
    """AdamW as in `lite320`; the rate of each group is its share of the schedule's."""
    config = lite320().optimizer
    slow = [p for n, p in model.named_parameters() if _is_old(n) and p.requires_grad] if pretrained else []
    chosen = {id(p) for p in slow}
    fast = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    groups: list[dict[str, Any]] = [{"params": fast, "share": 1.0}, {"params": slow, "share": 0.1}]
    return torch.optim.AdamW([g for g in groups if g["params"]], weight_decay=config.weight_decay)


def _is_old(name: str) -> bool:
    """Whether a layer comes from ImageNet; "backbone.extra" are SSD's own layers."""
    return name.startswith("backbone.features.")


def train(model: SSD, data: Dataset, *, clock: Clock, pretrained: bool) -> nn.Module:
    """Train until the time is over, and return the moving average."""
    recipe = lite320()
    optimizer = make_optimizer(model, pretrained=pretrained)
    average = AveragedModel(model, avg_fn=follow, use_buffers=True)
    size = recipe.loop.batch_size
    stream = batches(data, augmentation=recipe.augmentation, input_size=SIZE, batch_size=size, seed=0, workers=0,
                     cache_mb=3000)  # fmt: skip
    model.train()
    if pretrained:
        _fix_statistics(model)
    warm = replace(recipe.schedule, shape="steps")
    clock.start = time.process_time()
    for step, batch in enumerate(stream):
        if clock.progress >= 1:
            break
        rate = warm.at(min(step, warm.warmup)) * (1 + cos(pi * clock.progress)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        optimizer.zero_grad()
        loss = peer.training_loss(model, peer.as_training(batch), dtype=torch.float32)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.optimizer.clip)
        optimizer.step()
        average.update_parameters(model)
        if step % 50 == 0:
            speed = size * (step + 1) / (clock.progress * clock.seconds)
            print(f"step {step}  loss {loss.item():.3f}  {speed:.1f} images/s  {clock.progress:.0%}", flush=True)
    return average.module


def follow(average: Tensor, value: Tensor, steps: int | Tensor) -> Tensor:
    """The moving average of the recipe, which soon forgets the initial values."""
    decay = min(EMA, (1 + int(steps)) / (10 + int(steps)))
    return value if not value.is_floating_point() else torch.lerp(average, value, 1 - decay)


def _fix_statistics(model: SSD) -> None:
    for name, module in model.named_modules():
        if _is_old(name) and isinstance(module, nn.BatchNorm2d):
            module.eval()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--split", required=True)
    parser.add_argument("--test-split", required=True)
    parser.add_argument("--classes", type=lambda text: text.split(","))
    parser.add_argument("--minutes", required=True, type=float)
    parser.add_argument("--start", type=Path)
    given = parser.parse_args()
    torch.manual_seed(0)
    data, test = (load_dataset(given.data, split=split) for split in (given.split, given.test_split))
    if given.classes:
        data, test = (choose_classes(part, classes=given.classes) for part in (data, test))
    count = len(data.class_names)
    model = from_imagenet(given.start, count) if given.start else from_scratch(count)
    clock = Clock(given.minutes * 60)
    model = train(model, data, clock=clock, pretrained=given.start is not None).eval()
    print(score(detect_all(model, test, torch.device("cpu")), test))


if __name__ == "__main__":
    main()
