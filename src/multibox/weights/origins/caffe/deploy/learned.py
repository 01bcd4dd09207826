"""Caffe's layers with learned values."""

from typing import Literal

import numpy as np
import torch

from multibox.models.bases.graph.layers.joining import Broadcast
from multibox.models.bases.graph.layers.layer import Pair
from multibox.models.bases.graph.layers.learned import (
    BatchNorm,
    Convolution,
    Deconvolution,
    Linear,
    Normalize,
    PReLU,
    Scale,
)
from multibox.weights.origins.caffe.deploy.nodes import Made, Node
from multibox.weights.origins.caffe.deploy.options import Options

DEPTHWISE = ("DepthwiseConvolution", "ConvolutionDepthwise", "DepthwiseConv")


def convolution(made: Made) -> Node:
    """Convolution, Deconvolution, and the names under which forks have a convolution of each channel alone."""
    options = made.source.options("convolution_param")
    channels = made.first.shape[0]
    transposed = made.source.type == "Deconvolution"
    build = Deconvolution if transposed else Convolution
    layer = build(
        channels,
        options.whole("num_output", 0),
        kernel=pair(options, "kernel_size", "kernel", 0),
        stride=pair(options, "stride", "stride", 1),
        padding=pair(options, "pad", "pad", 0),
        dilation=pair(options, "dilation", "dilation", 1),
        groups=options.whole("group", channels if made.source.type in DEPTHWISE else 1),
        bias=options.flag("bias_term", default=True),
    )
    if options.whole("axis", 1) != 1:
        raise options.wrong("axis", options.whole("axis", 1), "1")
    options.finish()
    node = made.add(layer)  # checks the numbers before the arrays are compared with them
    sides = (channels, layer.out // layer.groups) if transposed else (layer.out, channels // layer.groups)
    node.tensors["weight"] = made.tensor(0, (*sides, *layer.kernel), what="weights")
    if layer.bias:
        node.tensors["bias"] = made.tensor(1, (layer.out,), what="biases")
    return node


def pair(options: Options, name: str, side: str, default: int) -> Pair:
    """The values for height and width: one number for both, two, or one option for each (`kernel_h`, `kernel_w`)."""
    given = options.wholes(name) or [default]
    if len(given) > 2:
        raise options.wrong(name, given, "one or two numbers")
    return options.whole(f"{side}_h", given[0]), options.whole(f"{side}_w", given[-1])


def inner_product(made: Made) -> Node:
    options = made.source.options("inner_product_param")
    values = int(np.prod(made.first.shape))
    layer = Linear(values, options.whole("num_output", 0), bias=options.flag("bias_term", default=True))
    transposed = options.flag("transpose", default=False)
    if options.whole("axis", 1) != 1:
        raise options.wrong("axis", options.whole("axis", 1), "1")
    options.finish()
    node = made.add(layer)
    weight = made.tensor(0, (values, layer.out) if transposed else (layer.out, values), what="weights")
    node.tensors["1.weight"] = weight.T.contiguous() if transposed else weight
    if layer.bias:
        node.tensors["1.bias"] = made.tensor(1, (layer.out,), what="biases")
    return node


def batch_norm(made: Made) -> Node:
    """Sums of means and variances, and the number by which both are divided. Factors are a layer of their own."""
    options = made.source.options("batch_norm_param")
    options.ignore("moving_average_fraction")
    layer = BatchNorm(made.first.shape[0], eps=options.number("eps", 1e-5))
    if not options.flag("use_global_stats", default=True):
        raise options.wrong("use_global_stats", "false", "true, or no such option: detection uses stored statistics")
    options.finish()
    node = made.add(layer)
    count = float(made.tensor(2, (1,), what="number of batches"))
    divisor = 1 / count if count else 0.0
    node.tensors = {
        "weight": torch.ones(layer.channels),
        "bias": torch.zeros(layer.channels),
        "running_mean": made.tensor(0, (layer.channels,), what="means") * divisor,
        "running_var": made.tensor(1, (layer.channels,), what="variances") * divisor,
        "num_batches_tracked": torch.tensor(0),
    }
    if (node.tensors["running_var"] < 0).any():
        raise made.source.error("has negative variances in the .caffemodel file: copy or fetch it again")
    return node


def scale(made: Made) -> Node:
    """Learned factors and summands for each channel, or the product with a second map."""
    options = made.source.options("scale_param")
    bias = options.flag("bias_term", default=False)
    if len(made.inputs) == 2:
        node = _of_two(made, options, "multiply")
        return _plus(node, made, number=0) if bias else node
    channels = _scaled_channels(options, made)
    options.finish()
    node = made.add(Scale(made.first.shape[0], bias=bias))
    node.tensors["weight"] = _per_channel(made, 0, channels, what="factors")
    if bias:
        node.tensors["bias"] = _per_channel(made, 1, channels, what="biases")
    return node


def bias(made: Made) -> Node:
    """A learned summand for each channel, or the sum with a second map."""
    options = made.source.options("bias_param")
    if len(made.inputs) == 2:
        return _of_two(made, options, "add")
    channels = _scaled_channels(options, made)
    options.finish()
    node = made.add(Scale(made.first.shape[0], factors=False))
    node.tensors["bias"] = _per_channel(made, 0, channels, what="biases")
    return node


def normalize(made: Made) -> Node:
    options = made.source.options("norm_param")
    options.ignore("scale_filler")
    shared = options.flag("channel_shared", default=True)
    layer = Normalize(
        1 if shared else made.first.shape[0],
        across_spatial=options.flag("across_spatial", default=True),
        eps=options.number("eps", 1e-10),
    )
    options.finish()
    node = made.add(layer)
    node.tensors["weight"] = made.tensor(0, (layer.factors,), what="factors")
    return node


def prelu(made: Made) -> Node:
    options = made.source.options("prelu_param")
    layer = PReLU(1 if options.flag("channel_shared", default=False) else made.first.shape[0])
    options.finish()
    node = made.add(layer)
    node.tensors["weight"] = made.tensor(0, (layer.slopes,), what="slopes")
    return node


def _of_two(made: Made, options: Options, operation: Literal["multiply", "add"]) -> Node:
    """A product or a sum with a second map. Caffe compares shapes from axis 0 on, the batch, if both have it."""
    options.ignore("num_axes")
    if options.whole("axis", 1) != 0:
        raise options.wrong("axis", options.whole("axis", 1), "0 for a second input, whose first side is the batch")
    options.finish()
    return made.add(Broadcast(operation))


def _axis(options: Options, made: Made) -> int:
    axis = options.whole("axis", 1)
    return axis if axis >= 0 else axis + len(made.first.shape) + 1


def _scaled_channels(options: Options, made: Made) -> int:
    """The number of learned values: one for each channel, or one for all."""
    axes = options.whole("num_axes", 1)
    if axes == 0:
        options.ignore("axis")
        return 1
    if axes != 1 or _axis(options, made) != 1:
        raise options.wrong("num_axes", axes, "1 at axis 1, which is one value for each channel, or 0")
    return made.first.shape[0]


def _per_channel(made: Made, number: int, values: int, *, what: str) -> torch.Tensor:
    return made.tensor(number, (values,), what=what).expand(made.first.shape[0]).clone()


def _plus(node: Node, made: Made, *, number: int) -> Node:
    """The node plus a learned value for each channel."""
    layer = Scale(node.shape[0], factors=False)
    return made.add(layer, node, tensors={"bias": made.tensor(number, (layer.channels,), what="biases")})
