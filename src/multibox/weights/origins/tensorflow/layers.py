"""Operations of a graph as layers of a network, with their values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from multibox.models.bases.graph.layers.joining import Broadcast, Concat, Eltwise
from multibox.models.bases.graph.layers.known import KnownLayer
from multibox.models.bases.graph.layers.layer import Pair, Shape
from multibox.models.bases.graph.layers.learned import BatchNorm, Convolution, PReLU, Scale
from multibox.models.bases.graph.layers.padding import Pad
from multibox.models.bases.graph.layers.pointwise import ELU, Activation, Function, LeakyReLU, Power
from multibox.models.bases.graph.layers.pooling import GlobalPool, Pool
from multibox.models.bases.graph.layers.shaping import Flatten
from multibox.models.bases.graph.layers.upsampling import Upsample
from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Operation, same_padding
from multibox.weights.origins.tensorflow.predictions import convolution_weights

ALIASES = ("Identity", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxArgs", "CheckNumerics", "StopGradient")
"""Operations that pass a value on."""

_FUNCTIONS: dict[str, Function] = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
}
_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_SUMS = ("Add", "AddV2", "BiasAdd", "Sub")
_LOWEST = -3e38  # zeros would win over negative values in a maximum


class UnknownOperationError(ValueError):
    """An operation, or a setting of one, that no layer of a network stands for."""


@dataclass(frozen=True, eq=False)
class Part:
    """A layer and its arrays by the names of the module's parameters."""

    layer: KnownLayer
    values: Mapping[str, np.ndarray] = field(default_factory=dict)


def parts(operation: Operation, given: Sequence[Shape], constants: Constants) -> list[Part]:
    """The layers of an operation on maps of the given shapes. Raises UnknownOperationError if it is not known."""
    kind, options = operation.kind, operation.options
    if options.get("data_format") == "NCHW":
        raise UnknownOperationError("its data has the channels first")
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        return _convolution(operation, given[0], constants)
    if kind in _BATCH_NORMS:
        return [_batch_norm(operation, constants)]
    if kind in _FUNCTIONS:
        return [Part(Activation(_FUNCTIONS[kind]))]
    if kind in ("LeakyRelu", "Elu"):
        return [Part(LeakyReLU(float(options.get("alpha", 0.2))) if kind == "LeakyRelu" else ELU())]
    if kind == "PRelu":
        slopes = _constant(operation, 1, constants).ravel()
        return [Part(PReLU(len(slopes)), {"weight": slopes})]
    if kind in (*_SUMS, "Mul", "RealDiv"):
        return _arithmetic(operation, given, constants)
    if kind in ("ConcatV2", "Concat"):
        return [Part(Concat(_channel_axis(operation, constants)))]
    if kind in ("MaxPool", "AvgPool"):
        return _pool(operation, given[0])
    if kind == "Mean":
        return _mean(operation, constants)
    if kind == "Repeat":
        return [Part(Upsample(options["factor"]))]
    if kind == "ResizeNearestNeighbor":
        return [Part(_resize(operation, given[0], constants))]
    if kind in ("Pad", "PadV2", "MirrorPad"):
        return [Part(_pad(operation, constants))]
    raise UnknownOperationError("it is not known")


def _constant(operation: Operation, at: int, constants: Constants) -> np.ndarray:
    value = constants(operation.inputs[at]) if at < len(operation.inputs) else None
    if value is None:
        raise UnknownOperationError(f"its input {at} is not constant")
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def _spatial(setting: object, default: Pair) -> Pair:
    """Height and width of a setting, which frozen graphs give for all four axes."""
    if not isinstance(setting, Sequence) or len(setting) not in (2, 4):
        return default
    pair = setting[1:3] if len(setting) == 4 else setting
    return int(pair[0]), int(pair[1])


def _padded(
    options: Mapping[str, object], sides: Sequence[int], kernel: Pair, stride: Pair, dilation: Pair, *, value: float = 0
) -> tuple[list[Part], Pair]:
    """The padding of a window: a layer before it if the sides differ, and what the window does itself."""
    if min(*kernel, *stride, *dilation) < 1:
        raise UnknownOperationError("its window has no size")
    if options.get("padding") == "VALID":
        return [], (0, 0)
    rows, columns = _margins(options, sides, kernel, stride, dilation)
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return [], (rows[0], columns[0])
    return [Part(Pad(rows, columns, value=value))], (0, 0)


def _margins(
    options: Mapping[str, object], sides: Sequence[int], kernel: Pair, stride: Pair, dilation: Pair
) -> tuple[Pair, Pair]:
    """What padding "same" adds above and below a map, and left and right of it; or what explicit padding says."""
    given = options.get("explicit_paddings")
    if options.get("padding") == "EXPLICIT" and isinstance(given, tuple) and len(given) == 8:
        return (given[2], given[3]), (given[4], given[5])
    if options.get("padding") != "SAME":
        raise UnknownOperationError(f"padding {options.get('padding')!r} is not known")
    rows, columns = (
        same_padding(side, kernel=k, stride=s, dilation=d)
        for side, k, s, d in zip(sides, kernel, stride, dilation, strict=True)
    )
    return rows, columns


def _convolution(operation: Operation, given: Shape, constants: Constants) -> list[Part]:
    weights = convolution_weights(operation, constants)
    if weights is None or len(given) != 3:
        raise UnknownOperationError("its weights are not constant")
    out, inside, *kernel = weights.shape
    stride, dilation = (_spatial(operation.options.get(name), (1, 1)) for name in ("strides", "dilations"))
    size = (kernel[0], kernel[1])
    before, padding = _padded(operation.options, given[1:], size, stride, dilation)
    groups = given[0] // max(inside, 1)
    layer = Convolution(given[0], out, size, stride, padding, dilation, groups=groups, bias=False)
    return [*before, Part(layer, {"weight": weights})]


def _batch_norm(operation: Operation, constants: Constants) -> Part:
    names = ("weight", "bias", "running_mean", "running_var")
    values = {name: _constant(operation, at, constants) for at, name in enumerate(names, start=1)}
    channels = len(values["weight"])
    if any(value.shape != (channels,) for value in values.values()):
        raise UnknownOperationError("its statistics are not constant")
    layer = BatchNorm(channels, eps=float(operation.options.get("epsilon", 1e-4)))
    return Part(layer, {**values, "num_batches_tracked": np.array(0)})


def _arithmetic(operation: Operation, given: Sequence[Shape], constants: Constants) -> list[Part]:
    """A sum or product of two maps, or of a map and a constant."""
    known = [constants(name) for name in operation.inputs]
    constant = next((value for value in known if value is not None), None)
    if constant is None:
        return [_joined(operation.kind, given)]
    if known[0] is not None and operation.kind in ("Sub", "RealDiv"):
        raise UnknownOperationError("its first input is constant")
    numbers: np.ndarray = constant.astype(np.float32).ravel()
    if operation.kind == "Sub":
        numbers = -numbers
    elif operation.kind == "RealDiv":
        numbers = 1 / numbers
    product = operation.kind in ("Mul", "RealDiv")
    if len(numbers) == 1:
        value = float(numbers[0])
        return [Part(Power(scale=value) if product else Power(shift=value))]
    name = "weight" if product else "bias"
    return [Part(Scale(len(numbers), factors=product, bias=not product), {name: numbers})]


def _joined(kind: str, given: Sequence[Shape]) -> Part:
    if len(given) != 2 or kind in ("Sub", "RealDiv"):
        raise UnknownOperationError(f"it has {len(given)} inputs that are not constant")
    if given[0] == given[1]:
        return Part(Eltwise("product" if kind == "Mul" else "sum"))
    if len(given[1]) == 1 and given[1][0] == given[0][0]:
        return Part(Broadcast("multiply" if kind == "Mul" else "add"))
    raise UnknownOperationError(f"its inputs have shapes {given[0]} and {given[1]}")


def flattened() -> Part:
    """A map of one cell as a vector, which a product with a larger map needs."""
    return Part(Flatten(1, 3))


def _channel_axis(operation: Operation, constants: Constants) -> int:
    axis = operation.options.get("axis")
    if axis is None:
        axis = int(_constant(operation, -1 if operation.kind == "ConcatV2" else 0, constants))
    if axis not in (3, -1):
        raise UnknownOperationError(f"it joins along axis {axis}")
    return 1


def _pool(operation: Operation, given: Shape) -> list[Part]:
    options = operation.options
    kernel = _spatial(options.get("kernel", options.get("ksize")), (1, 1))
    stride = _spatial(options.get("strides"), (1, 1))
    largest = operation.kind == "MaxPool"
    if not largest and kernel == given[1:] and options.get("padding") == "VALID":
        return [Part(GlobalPool("average"))]
    before, padding = _padded(options, given[1:], kernel, stride, (1, 1), value=_LOWEST if largest else 0)
    if before and not largest:
        raise UnknownOperationError("it averages over unequal padding")
    layer = Pool("max" if largest else "average", kernel, stride, padding, ceil=False, count_padding=False)
    return [*before, Part(layer)]


def _mean(operation: Operation, constants: Constants) -> list[Part]:
    axes = _constant(operation, 1, constants).ravel().tolist()
    if sorted(axes) != [1, 2]:
        raise UnknownOperationError(f"it averages over the axes {axes}")
    keeps = operation.options.get("keep_dims")
    return [Part(GlobalPool("average")), *([] if keeps else [flattened()])]


def _resize(operation: Operation, given: Shape, constants: Constants) -> Upsample:
    rows, columns = (int(side) for side in _constant(operation, 1, constants).ravel())
    whole = rows % given[1] == 0 and columns % given[2] == 0
    if not whole or any(operation.options.get(name) for name in ("align_corners", "half", "half_pixel_centers")):
        raise UnknownOperationError(f"it makes {rows} x {columns} cells of {given[1]} x {given[2]}")
    return Upsample((rows // given[1], columns // given[2]))


def _pad(operation: Operation, constants: Constants) -> Pad:
    sides = _constant(operation, 1, constants)
    if operation.kind == "MirrorPad" or sides.shape != (4, 2) or sides[0].any() or sides[3].any():
        raise UnknownOperationError("it does not add zeros around a map")
    (top, bottom), (left, right) = sides[1:3].tolist()
    value = float(_constant(operation, 2, constants)) if operation.kind == "PadV2" else 0.0
    return Pad((top, bottom), (left, right), value=value)
