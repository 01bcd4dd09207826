"""Caffe's layers without learned values."""

from math import ceil, floor
from typing import Literal

from multibox.models.bases.graph.layers.joining import Concat, Eltwise
from multibox.models.bases.graph.layers.pointwise import ELU, Activation, Dropout, LeakyReLU, Power, Softmax
from multibox.models.bases.graph.layers.pooling import GlobalPool, LocalResponseNorm, Pool
from multibox.weights.origins.caffe.deploy.learned import pair
from multibox.weights.origins.caffe.deploy.nodes import Made, Node

Operation = Literal["max", "average"]

_POOLS: dict[str, Operation] = {"MAX": "max", "0": "max", "AVE": "average", "1": "average"}
_REGIONS = {"ACROSS_CHANNELS": "", "0": "", "WITHIN_CHANNEL": "within", "1": "within"}
_SUMS: dict[str, Literal["sum", "product", "max"]] = {
    "PROD": "product",
    "0": "product",
    "SUM": "sum",
    "1": "sum",
    "MAX": "max",
    "2": "max",
}
_ROUNDS = {"CEIL": "ceil", "0": "ceil", "FLOOR": "floor", "1": "floor"}


def relu(made: Made) -> Node:
    options = made.source.options("relu_param")
    slope = options.number("negative_slope", 0)
    options.finish()
    return made.add(LeakyReLU(slope) if slope else Activation("relu"))


def relu6(made: Made) -> Node:
    return made.add(Activation("relu6"))


def sigmoid(made: Made) -> Node:
    return made.add(Activation("sigmoid"))


def tanh(made: Made) -> Node:
    return made.add(Activation("tanh"))


def elu(made: Made) -> Node:
    options = made.source.options("elu_param")
    layer = ELU(options.number("alpha", 1))
    options.finish()
    return made.add(layer)


def power(made: Made) -> Node:
    options = made.source.options("power_param")
    layer = Power(options.number("power", 1), options.number("scale", 1), options.number("shift", 0))
    options.finish()
    return made.add(layer)


def softmax(made: Made) -> Node:
    options = made.source.options("softmax_param")
    axis = options.whole("axis", 1)
    options.finish()
    return made.add(Softmax(axis if axis >= 0 else axis + len(made.first.shape) + 1))


def dropout(made: Made) -> Node:
    options = made.source.options("dropout_param")
    options.ignore("scale_train")
    layer = Dropout(options.number("dropout_ratio", 0.5))
    options.finish()
    return made.add(layer)


def pooling(made: Made) -> Node:
    options = made.source.options("pooling_param")
    operation = options.word("pool", among=_POOLS, default="MAX")
    if options.flag("global_pooling", default=False):
        options.ignore("stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w", "round_mode", "ceil_mode")
        options.finish()
        return made.add(GlobalPool(operation))
    rounds = options.word("round_mode", among=_ROUNDS, default="CEIL") == "ceil"
    layer = Pool(
        operation,
        kernel=pair(options, "kernel_size", "kernel", 0),
        stride=pair(options, "stride", "stride", 1),
        padding=pair(options, "pad", "pad", 0),
        ceil=options.flag("ceil_mode", default=rounds),
    )
    options.finish()
    node = made.add(layer)
    expected = tuple(_windows(layer, axis, side) for axis, side in enumerate(made.first.shape[1:]))
    if node.shape[1:] != expected:
        raise made.source.error("has windows that begin beyond the map, which multibox cannot build")
    return node


def _windows(layer: Pool, axis: int, side: int) -> int:
    """The number of windows, from PoolingLayer::Reshape."""
    kernel, stride, padding = layer.kernel[axis], layer.stride[axis], layer.padding[axis]
    rounded = ceil if layer.ceil else floor
    count = rounded((side + 2 * padding - kernel) / stride) + 1
    return count - 1 if padding and (count - 1) * stride >= side + padding else count


def lrn(made: Made) -> Node:
    options = made.source.options("lrn_param")
    inside = options.word("norm_region", among=_REGIONS, default="ACROSS_CHANNELS") == "within"
    k = options.number("k", 1)
    layer = LocalResponseNorm(
        options.whole("local_size", 5),
        alpha=options.number("alpha", 1),
        beta=options.number("beta", 0.75),
        k=1 if inside else k,  # Caffe's layer ignores k within a channel
        within_channel=inside,
    )
    options.finish()
    return made.add(layer)


def eltwise(made: Made) -> Node:
    options = made.source.options("eltwise_param")
    operation = options.word("operation", among=_SUMS, default="SUM")
    coefficients = tuple(options.numbers("coeff"))
    options.finish()
    return made.add(Eltwise(operation, coefficients))


def concat(made: Made) -> Node:
    options = made.source.options("concat_param")
    axis = options.whole("axis", options.whole("concat_dim", 1))
    options.finish()
    axis = axis if axis >= 0 else axis + len(made.first.shape) + 1
    return made.first if len(made.inputs) == 1 else made.add(Concat(axis))
