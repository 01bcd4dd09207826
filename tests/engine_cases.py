"""A small detector with known behavior, images for it, and the definition of agreement between two engines."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from multibox.detections import Detections
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import CAFFE_MEAN, slim300_config
from multibox.models.ssd import SSD
from tiny_detector import noise_image

CLASS_NAMES = ("disc", "square", "star", "cross")


def steady_model() -> SSD:
    """An eighth of SSD300 with L2Norm and random weights, that detects nothing in an image of the mean color.

    In that image all activations are zero, so only the biases count, and these favor the background.
    """
    config = replace(slim300_config(width=1 / 8), base=VGG16Config(width=1 / 8), std=(1.0, 1.0, 1.0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = SSD(config, CLASS_NAMES)
    outputs = len(CLASS_NAMES) + 1
    with torch.no_grad():
        for predictor in model.heads.confidence:
            predictor.bias[::outputs] = 8.0
            predictor.weight[torch.arange(len(predictor.weight)) % outputs == 0] = 0
        for predictor in model.heads.location:
            predictor.weight.mul_(0.2)
    _scale_scores(model)
    return model.eval()


@torch.no_grad()
def _scale_scores(model: SSD) -> None:
    """Give every source map a similar range of scores: logits with a standard deviation of 4 on noise."""
    noise = torch.from_numpy(np.stack([busy_image(seed=i) for i in range(2)])).permute(0, 3, 1, 2)
    maps = model.base(noise - model.mean)
    sources = [model.norm(maps[0]), *maps[1:]]
    for extra in model.extras:
        sources.append(extra(sources[-1]))
    for predictor, source in zip(model.heads.confidence, sources, strict=True):
        spread = (predictor(source) - predictor.bias[:, None, None]).std()
        predictor.weight.mul_(4 / spread)


def empty_image() -> np.ndarray:
    return np.full((300, 300, 3), CAFFE_MEAN, dtype=np.uint8)


def busy_image(*, seed: int) -> np.ndarray:
    """Smooth noise at the size of the input, in which the model finds something nearly everywhere."""
    return noise_image(seed=seed, width=300, height=300)


def small_thing_image(*, seed: int) -> np.ndarray:
    """The mean color with one square of noise."""
    image = empty_image()
    image[100:180, 120:200] = cv2.resize(busy_image(seed=seed), (80, 80))
    return image


@dataclass(frozen=True)
class Tolerance:
    """How far an engine may be from the reference: scores, overlap of boxes, and the share of detections within."""

    score: float
    iou: float
    share: float


def agreement(found: Detections, expected: Detections, *, tolerance: Tolerance) -> float:
    """The share of expected detections that has one of the same class, with nearly its score, at nearly its place.

    Detections that one or the other may have lost at the limit of the score or the number do not count.
    """
    floor = expected.scores[-1] if len(expected) == 200 else 0.01
    counted = [i for i in range(len(expected)) if expected.scores[i] > floor + 2 * tolerance.score]
    hits = [_has_match(found, expected, i, tolerance) for i in counted]
    return float(np.mean(hits)) if hits else 1.0


def _has_match(found: Detections, expected: Detections, i: int, tolerance: Tolerance) -> bool:
    near = (found.labels == expected.labels[i]) & (np.abs(found.scores - expected.scores[i]) <= tolerance.score)
    low = np.maximum(found.boxes[:, :2], expected.boxes[i, :2])
    high = np.minimum(found.boxes[:, 2:], expected.boxes[i, 2:])
    shared = (high - low).clip(min=0).prod(axis=1)
    both = _areas(found.boxes) + _areas(expected.boxes[i : i + 1]) - shared
    return bool((near & (shared / both >= tolerance.iou)).any())


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
