"""The authors' SSD300 and SSD512 under their own layer names: text for OpenCV's Caffe reader, and random weights."""

from dataclasses import dataclass, field

import numpy as np

from oracles.caffe_net import layer
from oracles.caffe_ssd import NORMALIZE

SIZES_300 = (30, 60, 111, 162, 213, 264, 315)
SIZES_512 = (35, 76, 153, 230, 307, 384, 460, 537)  # cut to whole pixels, as the authors' layer does
RATIOS_300 = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
RATIOS_512 = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
STEPS_300 = (8, 16, 32, 64, 100, 300)
STEPS_512 = (8, 16, 32, 64, 128, 256, 512)


@dataclass
class Deploy:
    """A network that grows a layer at a time: its text and the arrays of its layers."""

    rng: np.random.Generator
    text: list[str] = field(default_factory=list)
    blobs: dict[str, tuple[str, list[np.ndarray]]] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=lambda: {"data": 3})

    def convolution(self, name: str, bottom: str, out: int, kernel: int, shape: str, *, gain: float) -> None:
        """Random weights that multiply the size of usual input by `gain`, and random biases."""
        inside = self.channels[bottom]
        weight = self.rng.normal(scale=gain / np.sqrt(inside * kernel**2), size=(out, inside, kernel, kernel))
        bias = self.rng.normal(scale=0.1, size=out)
        self.blobs[name] = ("Convolution", [weight.astype(np.float32), bias.astype(np.float32)])
        parameters = f"convolution_param {{ num_output: {out} kernel_size: {kernel} {shape} }}"
        self.text.append(layer("Convolution", name, [bottom], parameters))
        self.channels[name] = out

    def active(self, name: str, bottom: str, out: int, kernel: int, shape: str, *, gain: float = 2**0.5) -> str:
        """A convolution with an in-place ReLU, as in the official text."""
        self.convolution(name, bottom, out, kernel, shape, gain=gain)
        self.text.append(f'layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}\n')
        return name

    def pool(self, name: str, bottom: str, shape: str) -> str:
        self.text.append(layer("Pooling", name, [bottom], f"pooling_param {{ pool: MAX {shape} }}"))
        self.channels[name] = self.channels[bottom]
        return name

    def normalize(self, name: str, bottom: str) -> str:
        scale = self.rng.uniform(10, 30, self.channels[bottom]).astype(np.float32)
        self.blobs[name] = ("Normalize", [scale])
        self.text.append(layer("Normalize", name, [bottom], NORMALIZE))
        self.channels[name] = self.channels[bottom]
        return name

    def head(self, source: str, sizes: tuple[int, int], ratios: tuple[int, ...], step: int, outputs: int) -> None:
        """Both predictors of a source map, in rows of boxes, and its prior boxes."""
        boxes = 2 + 2 * len(ratios)
        for side, out, gain in (("loc", 4, 1.0), ("conf", outputs, 2.0)):
            name = f"{source}_mbox_{side}"
            self.convolution(name, source, boxes * out, 3, "pad: 1 stride: 1", gain=gain)
            self.text.append(layer("Permute", f"{name}_perm", [name], "permute_param { order: [0, 2, 3, 1] }"))
            self.text.append(layer("Flatten", f"{name}_flat", [f"{name}_perm"], "flatten_param { axis: 1 }"))
        listed = " ".join(f"aspect_ratio: {ratio}" for ratio in ratios)
        parameters = f"""prior_box_param {{ min_size: {sizes[0]} max_size: {sizes[1]} {listed} flip: true clip: false
        variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: {step} offset: 0.5 }}"""
        self.text.append(layer("PriorBox", f"{source}_mbox_priorbox", [source, "data"], parameters))

    def detection_output(self, sources: list[str], outputs: int) -> None:
        for side, parts, axis in (("loc", "loc_flat", 1), ("conf", "conf_flat", 1), ("priorbox", "priorbox", 2)):
            names = [f"{source}_mbox_{parts}" for source in sources]
            self.text.append(layer("Concat", f"mbox_{side}", names, f"concat_param {{ axis: {axis} }}"))
        shape = f"reshape_param {{ shape {{ dim: 0 dim: -1 dim: {outputs} }} }}"
        self.text.append(layer("Reshape", "mbox_conf_reshape", ["mbox_conf"], shape))
        self.text.append(layer("Softmax", "mbox_conf_softmax", ["mbox_conf_reshape"], "softmax_param { axis: 2 }"))
        self.text.append(layer("Flatten", "mbox_conf_flatten", ["mbox_conf_softmax"], "flatten_param { axis: 1 }"))
        parameters = f"""detection_output_param {{ num_classes: {outputs} share_location: true background_label_id: 0
        nms_param {{ nms_threshold: 0.45 top_k: 400 }} code_type: CENTER_SIZE keep_top_k: 200
        confidence_threshold: 0.01 }}"""
        self.text.append(
            layer("DetectionOutput", "detection_out", ["mbox_loc", "mbox_conf_flatten", "mbox_priorbox"], parameters)
        )


def official_deploy(side: int, *, outputs: int, rng: np.random.Generator) -> Deploy:
    """The deploy network for 300 or 512 pixels; `outputs` are the classes with background."""
    net, top = Deploy(rng), "data"
    for stage, (depth, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1):
        for j in range(1, depth + 1):
            # Pixels are some 70 from their mean, and the largest of four is larger than their mean.
            gain = 2**0.5 / 70 if top == "data" else 0.8 if top.startswith("pool") else 2**0.5
            top = net.active(f"conv{stage}_{j}", top, channels, 3, "pad: 1", gain=gain)
        top = net.pool(
            f"pool{stage}", top, "kernel_size: 3 stride: 1 pad: 1" if stage == 5 else "kernel_size: 2 stride: 2"
        )
    top = net.active("fc6", top, 1024, 3, "pad: 6 dilation: 6", gain=0.8)
    top = net.active("fc7", top, 1024, 1, "")
    sources = [net.normalize("conv4_3_norm", "conv4_3"), top]
    halving, shrinking, last = ("pad: 1 stride: 2", 3), ("pad: 0 stride: 1", 3), ("pad: 1 stride: 1", 4)
    shapes = [halving, halving, shrinking, shrinking] if side == 300 else [*[halving] * 4, last]
    for i, (shape, kernel) in enumerate(shapes, start=6):
        top = net.active(f"conv{i}_1", top, 256 if i == 6 else 128, 1, "pad: 0 stride: 1")
        top = net.active(f"conv{i}_2", top, 512 if i == 6 else 256, kernel, shape)
        sources.append(top)
    sizes, ratios, steps = (SIZES_300, RATIOS_300, STEPS_300) if side == 300 else (SIZES_512, RATIOS_512, STEPS_512)
    for source, small, large, listed, step in zip(sources, sizes, sizes[1:], ratios, steps, strict=False):
        net.head(source, (small, large), listed, step, outputs)
    net.detection_output(sources, outputs)
    return net
