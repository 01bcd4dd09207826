"""Computes the values of a frozen graph that depend on constants alone, such as its anchors.

Only operations that occur in such computations are known. Arrays and the number of steps are bounded, so that a hostile
file costs little.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from multibox.weights.origins.tensorflow.graph import Graph, Operation

MAX_VALUES = 1 << 22
_MAX_STEPS = 100_000

Arrays = Sequence[np.ndarray]


class Constants:
    """Evaluates values of one graph; each is computed once.

    `shapes` are those of maps of the network, so that what depends on their sizes alone can be computed too.
    """

    def __init__(self, graph: Graph, *, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
        self._graph, self._shapes = graph, shapes or {}
        self._known: dict[str, np.ndarray | None] = {}
        self._steps = 0

    def __call__(self, value: str) -> np.ndarray | None:
        """The array of a value, None if it depends on an input, is too large or needs an unknown operation."""
        waiting = [value]
        while waiting:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return None
            name = waiting[-1]
            needed = self._needed(name)
            if needed and name not in self._known:
                self._known[name] = None  # a value that needs itself stays unknown
                waiting += needed
                continue
            waiting.pop()
            if self._known.get(name) is None:
                self._known[name] = self._computed(name)
        return self._known[value]

    def _needed(self, value: str) -> list[str]:
        operation = self._graph.maker(value)
        if operation is None or operation.kind not in _OPERATIONS or self._shape(operation) is not None:
            return []
        return [name for name in operation.inputs if name not in self._known]

    def _computed(self, value: str) -> np.ndarray | None:
        if value in self._graph.constants:
            return self._graph.constants[value]
        operation = self._graph.maker(value)
        if operation is None or operation.kind not in _OPERATIONS or value not in operation.outputs:
            return None
        shape = self._shape(operation)
        if shape is not None:
            return shape
        given = [self._known.get(name) for name in operation.inputs]
        arrays = [array for array in given if array is not None]
        if len(arrays) < len(given):
            return None
        try:
            with np.errstate(all="ignore"):
                return _OPERATIONS[operation.kind](arrays, operation.options)
        except (ValueError, IndexError, TypeError, ArithmeticError, MemoryError, KeyError):
            return None

    def _shape(self, operation: Operation) -> np.ndarray | None:
        """The result of an operation that asks for the shape of a map, None for others."""
        if operation.kind != "Shape" or not operation.inputs or operation.inputs[0] not in self._shapes:
            return None
        return np.array(self._shapes[operation.inputs[0]], dtype=np.int32)


def _check_size(values: float) -> None:
    """Raise ValueError for an array that would have too many values."""
    if values > MAX_VALUES:
        raise ValueError("an array that is too large")


def _range(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
    start, limit, step = (array.item() for array in given)
    _check_size(abs(limit - start) / abs(step))
    return np.arange(start, limit, step, dtype=given[0].dtype)


def _tile(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
    _check_size(given[0].size * np.prod(given[1].astype(float)))
    return np.tile(given[0], given[1].tolist())


def _fill(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
    _check_size(np.prod(given[0].astype(float)))
    return np.full(given[0].tolist(), given[1].item(), dtype=given[1].dtype)


def _slice(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
    array, begin, size = given
    pairs = zip(begin.ravel().tolist(), size.ravel().tolist(), strict=True)
    return array[tuple(slice(b, None if n == -1 else b + n) for b, n in pairs)]


def _strided_slice(given: Arrays, options: Mapping[str, Any]) -> np.ndarray:
    if options.get("ellipsis_mask") or options.get("new_axis_mask"):
        raise ValueError("a mask that is not known")
    array, begin, end, step = given
    index: list[slice | int] = []
    for number, (b, e, s) in enumerate(zip(begin.tolist(), end.tolist(), step.tolist(), strict=True)):
        bit = 1 << number
        if options.get("shrink_axis_mask", 0) & bit:
            index.append(b)
        else:
            first = None if options.get("begin_mask", 0) & bit else b
            index.append(slice(first, None if options.get("end_mask", 0) & bit else e, s))
    return np.asarray(array[tuple(index)])


def _cast(given: Arrays, options: Mapping[str, Any]) -> np.ndarray:
    types = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 10: np.bool_}
    return given[0].astype(types[options["DstT"]])


def _squeeze(given: Arrays, options: Mapping[str, Any]) -> np.ndarray:
    axes = options.get("squeeze_dims") or options.get("axis") or ()
    return np.squeeze(given[0], axis=tuple(axes) or None)


def _joined(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
    _check_size(sum(array.size for array in given))
    return np.concatenate(given[:-1], axis=int(given[-1]))


def _packed(given: Arrays, options: Mapping[str, Any]) -> np.ndarray:
    _check_size(sum(array.size for array in given))
    return np.stack(given, axis=options.get("axis", 0))


def _gathered(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
    array, places, axis = given
    _check_size(places.size * array.size // max(array.shape[int(axis)], 1))
    return np.take(array, places, axis=int(axis))


_Compute = Callable[[Arrays, Mapping[str, Any]], np.ndarray]


def _both(function: np.ufunc) -> _Compute:
    """A function of two arrays, whose result can be larger than both."""

    def compute(given: Arrays, _: Mapping[str, Any]) -> np.ndarray:
        one, other = given
        _check_size(prod(np.broadcast_shapes(one.shape, other.shape)))
        return function(one, other)

    return compute


_OPERATIONS: dict[str, _Compute] = {
    "Identity": lambda given, _: given[0],
    "Cast": _cast,
    "Add": _both(np.add),
    "AddV2": _both(np.add),
    "Sub": _both(np.subtract),
    "Mul": _both(np.multiply),
    "RealDiv": _both(np.divide),
    "Div": _both(np.divide),
    "Minimum": _both(np.minimum),
    "Maximum": _both(np.maximum),
    "Sqrt": lambda given, _: np.sqrt(given[0]),
    "Rsqrt": lambda given, _: 1 / np.sqrt(given[0]),
    "Square": lambda given, _: np.square(given[0]),
    "Neg": lambda given, _: -given[0],
    "Exp": lambda given, _: np.exp(given[0]),
    "Range": _range,
    "Tile": _tile,
    "Fill": _fill,
    "Shape": lambda given, _: np.array(given[0].shape, dtype=np.int32),
    "Rank": lambda given, _: np.array(given[0].ndim, dtype=np.int32),
    "Size": lambda given, _: np.array(given[0].size, dtype=np.int32),
    "ExpandDims": lambda given, _: np.expand_dims(given[0], int(given[1])),
    "Squeeze": _squeeze,
    "Reshape": lambda given, _: given[0].reshape(given[1].tolist()),
    "Transpose": lambda given, _: given[0].transpose(given[1].tolist()),
    "Pack": _packed,
    "ConcatV2": _joined,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "GatherV2": _gathered,
    "ZerosLike": lambda given, _: np.zeros_like(given[0]),
    "OnesLike": lambda given, _: np.ones_like(given[0]),
}


def find_operations(graph: Graph, kind: str) -> list[Operation]:
    """The operations of one kind, in the order of the file."""
    return [operation for operation in graph.each() if operation.kind == kind]
