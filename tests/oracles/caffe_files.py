"""Pairs of .prototxt and .caffemodel files with random weights, and their outputs in OpenCV and in multibox."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.models.ssd import SSD
from multibox.weights.origins.recognize import import_weights
from oracles.caffe_net import caffemodel, layer

Blobs = dict[str, tuple[str, Sequence[np.ndarray]]]

PRIORS = "min_size: 8 max_size: 14 aspect_ratio: 2 flip: true clip: false variance: [0.1, 0.1, 0.2, 0.2]"
OUTPUT = """share_location: true background_label_id: 0 code_type: CENTER_SIZE keep_top_k: 200
confidence_threshold: 0.01 nms_param { nms_threshold: 0.45 top_k: 400 }"""


class CaffeText:
    """Text and weights of a network that grows a layer at a time; weights are drawn from `rng`."""

    def __init__(self, height: int, width: int, *, seed: int = 0) -> None:
        self.size, self.rng = (height, width), np.random.default_rng(seed)
        self.text = [f'name: "net" input: "data" input_shape {{ dim: 1 dim: 3 dim: {height} dim: {width} }}\n']
        self.blobs: Blobs = {}
        self.channels: dict[str, int] = {"data": 3}
        self.heads: list[tuple[str, str, str]] = []
        self.prefix = ""  # of the names of new layers; inputs with it have precedence

    def add(self, kind: str, name: str, bottoms: Sequence[str] | str, parameters: str = "", *arrays: np.ndarray) -> str:
        """A layer with given arrays; keeps the number of channels of its first input."""
        bottoms = [self.known(name) for name in ([bottoms] if isinstance(bottoms, str) else bottoms)]
        name = f"{self.prefix}{name}"
        self.text.append(layer(kind, name, bottoms, parameters))
        self.channels[name] = self.channels[bottoms[0]]
        if arrays:
            self.blobs[name] = (kind, arrays)
        return name

    def known(self, name: str) -> str:
        """The blob that a name means among those with the prefix and without."""
        return f"{self.prefix}{name}" if f"{self.prefix}{name}" in self.channels else name

    def convolution(
        self, name: str, bottom: str, out: int, kernel: int = 3, options: str = "", *, groups: int = 1, gain: float = 1
    ) -> str:
        """A convolution with weights that multiply the scale of the values by `gain`; padding is in `options`."""
        shape = (out, self.channels[self.known(bottom)] // groups, kernel, kernel)
        weight = self.rng.normal(0, gain * (2 / np.prod(shape[1:])) ** 0.5, shape)
        bias = self.rng.normal(0, gain * 0.1, out)
        text = f"convolution_param {{ num_output: {out} kernel_size: {kernel} group: {groups} {options} }}"
        name = self.add("Convolution", name, bottom, text, weight, bias)
        self.channels[name] = out
        return name

    def batch_norm(self, name: str, bottom: str) -> str:
        """BatchNorm and Scale in place, with a count of batches other than 1."""
        channels, count = self.channels[bottom], 3.0
        mean, variance = self.rng.normal(0, 0.3, channels), self.rng.uniform(0.5, 2, channels)
        factor, bias = self.rng.uniform(0.5, 1.5, channels), self.rng.normal(0, 0.2, channels)
        for kind, suffix, options, arrays in (
            ("BatchNorm", "bn", "", [mean * count, variance * count, np.array([count])]),
            ("Scale", "scale", "scale_param { bias_term: true }", [factor, bias]),
        ):
            text = layer(kind, bottom, [bottom], options).replace(f'name: "{bottom}"', f'name: "{name}_{suffix}"', 1)
            self.text.append(text)
            self.blobs[f"{name}_{suffix}"] = (kind, arrays)
        return bottom

    def relu(self, bottom: str) -> str:
        """A ReLU in place."""
        self.text.append(layer("ReLU", bottom, [bottom]).replace(f'name: "{bottom}"', f'name: "{bottom}_relu"', 1))
        return bottom

    def head(
        self,
        source: str,
        *,
        classes: int,
        boxes: int = 4,
        priors: str = PRIORS,
        kernel: int = 3,
        boxes_of_each_class: bool = False,
    ) -> None:
        """Predictors of a source map, their rows, and its priors."""
        offsets = 4 * classes if boxes_of_each_class else 4
        rows = []
        for side, outputs in (("loc", offsets * boxes), ("conf", classes * boxes)):
            name = f"{source}_{side}"
            self.convolution(name, source, outputs, kernel, f"pad: {kernel // 2}", gain=0.3)
            self.add("Permute", f"{name}_perm", name, "permute_param { order: 0 order: 2 order: 3 order: 1 }")
            rows.append(self.add("Flatten", f"{name}_flat", f"{name}_perm", "flatten_param { axis: 1 }"))
        priors = self.add("PriorBox", f"{source}_prior", [source, "data"], f"prior_box_param {{ {priors} }}")
        self.heads.append((rows[0], rows[1], priors))

    def output(self, *, classes: int, options: str = OUTPUT, scores: str = "softmax") -> None:
        """From the heads to detections."""
        for name, parts, axis in zip(("loc", "conf", "prior"), zip(*self.heads, strict=True), (1, 1, 2), strict=True):
            self.add("Concat", name, parts, f"concat_param {{ axis: {axis} }}")
        if scores == "softmax":
            self.add("Reshape", "rows", "conf", f"reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes} }} }}")
            self.add("Softmax", "share", "rows", "softmax_param { axis: 2 }")
            self.add("Flatten", "scores", "share", "flatten_param { axis: 1 }")
        else:
            self.add("Sigmoid", "scores", "conf")
        parameters = f"detection_output_param {{ num_classes: {classes} {options} }}"
        self.add("DetectionOutput", "found", ["loc", "scores", "prior"], parameters)

    def write(self, folder: Path) -> tuple[Path, Path]:
        prototxt, weights = folder / "net.prototxt", folder / "net.caffemodel"
        prototxt.write_text("".join(self.text))
        weights.write_bytes(caffemodel({name: (kind, [*arrays]) for name, (kind, arrays) in self.blobs.items()}))
        return prototxt, weights

    def image(self) -> np.ndarray:
        """Random colors with some structure, H x W x 3, as OpenCV sees it: in the order BGR."""
        coarse = self.rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return cv2.resize(coarse, self.size[::-1], interpolation=cv2.INTER_CUBIC)


def imported(net: CaffeText, folder: Path, **choices: object) -> SSD:
    """The network in multibox, with zero mean and a scale of 1/64 unless said otherwise."""
    prototxt, weights = net.write(folder)
    given = {"mean": (0.0,), "scale": 1 / 64, **choices}
    return import_weights(weights, prototxt=prototxt, **given)  # type: ignore[arg-type]


def run_opencv(net: CaffeText, folder: Path, image: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
    """What OpenCV's Caffe reader computes for a BGR image; the test is skipped if this OpenCV has no such reader."""
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV cannot read Caffe's files: OpenCV 5 has no importer for them")
    prototxt, weights = net.write(folder)
    network = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    network.setInput(cv2.dnn.blobFromImage(image, 1 / 64))
    return list(network.forward(list(outputs)))


def run_multibox(model: SSD, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and logits for a BGR image."""
    rgb = torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy())
    with torch.inference_mode():
        offsets, logits = model(rgb[None])
    return offsets.numpy(), logits.numpy()


def detections(model: SSD, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes in pixels, scores and labels."""
    height, width = image.shape[:2]
    (found,) = model.detect(torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy())[None])
    return found.boxes.numpy() * [width, height, width, height], found.scores.numpy(), found.labels.numpy()


def opencv_detections(rows: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of DetectionOutput's rows, with labels without background."""
    height, width = size
    rows = rows.reshape(-1, 7)
    rows = rows[rows[:, 2] > 0]
    return rows[:, 3:].clip(0, 1) * [width, height, width, height], rows[:, 2], rows[:, 1].astype(int) - 1
