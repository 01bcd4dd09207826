"""Values of a graph that depend on constants or shapes alone, against the same in numpy; bounds of hostile graphs."""

from collections.abc import Mapping

import numpy as np
import pytest

from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph, Operation


def graph(*operations: Operation, **constants: object) -> Graph:
    arrays: Mapping[str, np.ndarray] = {name: np.asarray(value) for name, value in constants.items()}
    return Graph("test", {operation.name: operation for operation in operations}, arrays, {"image": (None, 30, 30, 3)})


def op(kind: str, name: str, *inputs: str, **options: object) -> Operation:
    return Operation(kind, name, inputs, (name,), options)


def test_centers_of_cells() -> None:
    """The centers of 5 rows, computed from the shape of a map as older files of the API do."""
    steps = (
        op("Conv2D", "map", "image", "weights"),
        op("Shape", "shape", "map"),
        op("StridedSlice", "rows", "shape", "one", "two", "one", shrink_axis_mask=1),
        op("Range", "range", "zero", "rows", "step"),
        op("Cast", "wide", "range", DstT=1),
        op("Cast", "count", "rows", DstT=1),
        op("AddV2", "moved", "wide", "half"),
        op("RealDiv", "centers", "moved", "count"),
    )
    given = graph(*steps, one=[1], two=[2], zero=0, step=1, half=np.float32(0.5), weights=np.zeros((3, 3, 3, 4)))
    assert Constants(given)("centers") is None
    found = Constants(given, shapes={"map": (1, 5, 7, 4)})("centers")
    assert found is not None
    np.testing.assert_allclose(found, [0.1, 0.3, 0.5, 0.7, 0.9])


@pytest.mark.parametrize(
    ("operation", "constants", "expected"),
    [
        (op("Pack", "x", "a", "b", axis=1), {"a": [1, 2], "b": [3, 4]}, [[1, 3], [2, 4]]),
        (op("ConcatV2", "x", "a", "b", "axis"), {"a": [[1]], "b": [[2]], "axis": 1}, [[1, 2]]),
        (op("Slice", "x", "a", "b", "c"), {"a": [[1, 2, 3]], "b": [0, 1], "c": [-1, 1]}, [[2]]),
        (op("Tile", "x", "a", "b"), {"a": [[1, 2]], "b": [2, 1]}, [[1, 2], [1, 2]]),
        (op("Fill", "x", "a", "b"), {"a": [2], "b": 7}, [7, 7]),
        (op("Squeeze", "x", "a", squeeze_dims=(0,)), {"a": [[1, 2]]}, [1, 2]),
        (op("ExpandDims", "x", "a", "b"), {"a": [1, 2], "b": 0}, [[1, 2]]),
        (op("StridedSlice", "x", "a", "b", "c", "d", begin_mask=1, end_mask=1),
         {"a": [1, 2, 3, 4], "b": [1], "c": [1], "d": [2]}, [1, 3]),
        (op("Rsqrt", "x", "a"), {"a": np.float32([4, 0.25])}, [0.5, 2]),
    ],
)  # fmt: skip
def test_operations(operation: Operation, constants: dict, expected: list) -> None:
    """One operation each."""
    found = Constants(graph(operation, **constants))("x")
    assert found is not None
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("operation", "constants"),
    [
        (op("Fill", "x", "a", "b"), {"a": [1 << 30, 1 << 30], "b": 1}),
        (op("Tile", "x", "a", "b"), {"a": [1, 2], "b": [1 << 40]}),
        (op("Range", "x", "a", "b", "c"), {"a": 0, "b": 1 << 40, "c": 1}),
        (op("Range", "x", "a", "b", "c"), {"a": 0, "b": 9, "c": 0}),
        (op("Mul", "x", "a", "b"), {"a": np.ones((1 << 20, 1)), "b": np.ones((1, 1 << 20))}),
        (op("GatherV2", "x", "a", "b", "c"), {"a": np.ones((1, 1 << 20)), "b": np.zeros(1 << 20, int), "c": 0}),
        (op("Pack", "x", *["a"] * 9), {"a": np.ones(1 << 20)}),
        (op("Reshape", "x", "a", "b"), {"a": [1, 2], "b": [3]}),
        (op("Add", "x", "a"), {"a": 1}),
        (op("Add", "x", "x", "x"), {}),
        (op("Unknown", "x", "a"), {"a": 1}),
        (op("Cast", "x", "a"), {"a": 1}),
    ],
)
def test_what_has_no_value(operation: Operation, constants: dict) -> None:
    """Arrays that are too large, contradictions, circles and unknown operations against None, quickly."""
    assert Constants(graph(operation, **constants))("x") is None


def test_many_steps() -> None:
    """A chain that doubles 60 times against None instead of an endless array."""
    chain = [op("ConcatV2", f"x{i + 1}", f"x{i}", f"x{i}", "axis") for i in range(60)]
    assert Constants(graph(*chain, x0=[1.0], axis=0))("x60") is None
