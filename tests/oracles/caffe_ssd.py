"""SSD's layers and the whole SSD300 as Caffe text for OpenCV, written from the official scripts."""

import numpy as np
import torch

from multibox.nms import DetectionSettings, Selection
from multibox.priors import SPECS, PriorMap
from oracles.caffe_net import layer

NORMALIZE = "norm_param { across_spatial: false channel_shared: false }"


def prior_box(source: PriorMap, top: str, bottom: str, *, clip: bool) -> str:
    """A PriorBox layer. OpenCV's does not cut sizes to whole pixels, unlike the official one."""
    largest = "" if source.max_size is None else f"max_size: {source.max_size}"
    ratios = " ".join(f"aspect_ratio: {r}" for r in source.ratios)
    return layer(
        "PriorBox",
        top,
        [bottom, "data"],
        f"""prior_box_param {{ min_size: {source.min_size} {largest} {ratios} flip: true clip: {str(clip).lower()}
        variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step_h: {source.step[0]} step_w: {source.step[1]}
        offset: 0.5 }}""",
    )


def detection_output(settings: DetectionSettings, classes: int) -> str:
    return layer(
        "DetectionOutput",
        "found",
        ["loc", "scores", "priors"],
        f"""detection_output_param {{ num_classes: {classes + 1} share_location: true background_label_id: 0
        nms_param {{ nms_threshold: {settings.nms_threshold} top_k: {settings.per_class} }} code_type: CENTER_SIZE
        keep_top_k: {settings.per_image} confidence_threshold: {settings.score_threshold} }}""",
    )


def heads_text(maps: tuple[PriorMap, ...], classes: int) -> list[str]:
    """From the predictors' maps (loc0, conf0, …) to detections: reorder, join, softmax, priors, output."""
    text = []
    for i, source in enumerate(maps):
        for side in ("loc", "conf"):
            text.append(layer("Permute", f"{side}{i}p", [f"{side}{i}"], "permute_param { order: [0, 2, 3, 1] }"))
            text.append(layer("Flatten", f"{side}{i}f", [f"{side}{i}p"], "flatten_param { axis: 1 }"))
        text.append(prior_box(source, f"prior{i}", f"conf{i}", clip=False))
    for side, parts, axis in (("loc", "loc{}f", 1), ("conf", "conf{}f", 1), ("priors", "prior{}", 2)):
        names = [parts.format(i) for i in range(len(maps))]
        text.append(layer("Concat", side, names, f"concat_param {{ axis: {axis} }}"))
    shape = f"reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes + 1} }} }}"
    return [
        *text,
        layer("Reshape", "rows", ["conf"], shape),
        layer("Softmax", "share", ["rows"], "softmax_param { axis: 2 }"),
        layer("Flatten", "scores", ["share"], "flatten_param { axis: 1 }"),
    ]


def as_rows(found: list[Selection]) -> np.ndarray:
    """(image, class, score, box) of all images, by image, class and descending score."""
    parts = [
        torch.cat([torch.stack([torch.full_like(s.scores, i), s.labels + 1, s.scores], dim=1), s.boxes], dim=1)
        for i, s in enumerate(found)
    ]
    return in_order(torch.cat(parts).numpy())


def in_order(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort((-rows[:, 2], rows[:, 1], rows[:, 0]))]


def convolution(
    name: str, bottom: str, out: int, kernel: int, *, pad: int = 0, stride: int = 1, dilation: int = 1
) -> str:
    return layer(
        "Convolution",
        name,
        [bottom],
        f"""convolution_param {{ num_output: {out} kernel_size: {kernel} pad: {pad} stride: {stride}
        dilation: {dilation} }}""",
    )


class Body:
    """Text of a Caffe network that grows a layer at a time; `top` is the newest output."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.top = "data"

    def add(self, name: str, out: int, kernel: int, *, pad: int = 0, stride: int = 1, dilation: int = 1) -> str:
        self.text.append(convolution(name, self.top, out, kernel, pad=pad, stride=stride, dilation=dilation))
        self.text.append(layer("ReLU", f"{name}_relu", [name]))
        self.top = f"{name}_relu"
        return self.top

    def pool(self, name: str, kernel: int, stride: int, pad: int) -> None:
        parameters = f"pooling_param {{ pool: MAX kernel_size: {kernel} stride: {stride} pad: {pad} }}"
        self.text.append(layer("Pooling", name, [self.top], parameters))
        self.top = name


def official_ssd300(width: float, classes: int, settings: DetectionSettings) -> list[str]:
    """SSD300 as the official scripts describe it, with all channels times `width`."""
    body, wide = Body(), lambda channels: round(channels * width)
    for stage, (depth, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1):
        for j in range(1, depth + 1):
            body.add(f"conv{stage}_{j}", wide(channels), 3, pad=1)
        if stage == 4:
            body.text.append(
                layer("Normalize", "norm", [body.top], "norm_param { across_spatial: false channel_shared: false }")
            )
        body.pool(f"pool{stage}", *((3, 1, 1) if stage == 5 else (2, 2, 0)))
    body.add("fc6", wide(1024), 3, pad=6, dilation=6)
    sources = ["norm", body.add("fc7", wide(1024), 1)]
    for name, channels, stride, pad in (("6", 256, 2, 1), ("7", 128, 2, 1), ("8", 128, 1, 0), ("9", 128, 1, 0)):
        body.add(f"conv{name}_1", wide(channels), 1)
        sources.append(body.add(f"conv{name}_2", wide(channels * 2), 3, stride=stride, pad=pad))
    maps = SPECS["ssd300-voc"].maps
    for i, (source, m) in enumerate(zip(sources, maps, strict=True)):
        body.text.append(convolution(f"loc{i}", source, 4 * m.boxes_per_cell, 3, pad=1))
        body.text.append(convolution(f"conf{i}", source, (classes + 1) * m.boxes_per_cell, 3, pad=1))
    return [*body.text, *heads_text(maps, classes), detection_output(settings, classes)]
