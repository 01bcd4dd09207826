"""Compares the graph of an exported model with its description, before the model is used."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from multibox.errors import WeightsError
from multibox.weights.exported import INPUT, OUTPUTS, OUTPUTS_OF_END, Exported

Shape = tuple[int | None, ...]
"""The shape of an input or output; None is any number."""

_INTEGERS = ("int64", "int32")
_TYPES = {INPUT: ("uint8",), "labels": _INTEGERS, "priors": _INTEGERS}


class Port(NamedTuple):
    """An input or output of a graph: NumPy's name of its type, and its shape."""

    type: str
    shape: Shape


def check_graph(exported: Exported, given: Mapping[str, Port], *, path: Path | str) -> None:
    """Raise WeightsError that names the first input or output that is missing or is not as described.

    `given` are those of the graph, inputs first, then outputs in their order. Older files have no output "priors".
    """
    batch, size, count = exported.batch, exported.input_size, exported.rules.priors.count
    wanted: dict[str, Shape] = {INPUT: (batch, *size, 3)}
    if exported.end == "detections":
        names = OUTPUTS if OUTPUTS[-1] in given else OUTPUTS[:-1]
        wanted |= {name: (batch, None, 4) if name == "boxes" else (batch, None) for name in names}
    else:
        numbers = (4, len(exported.class_names) + (exported.end == "raw"))
        pairs = zip(OUTPUTS_OF_END[exported.end], numbers, strict=True)
        wanted |= {name: (batch, count, number) for name, number in pairs}
    if list(given) != list(wanted):
        raise _contradiction(path, f"it has {', '.join(given)[:200]} instead of {', '.join(wanted)}")
    for name, shape in wanted.items():
        found, types = given[name], _TYPES.get(name, ("float32",))
        if found.type not in types:
            raise _contradiction(path, f"{name} has type {found.type} instead of {types[0]}")
        if len(shape) != len(found.shape) or not all(map(_fits, found.shape, shape)):
            raise _contradiction(path, f"{name} has shape {_words(found.shape)} instead of {_words(shape)}")


def _fits(one: int | None, other: int | None) -> bool:
    return None in (one, other) or one == other


def _words(shape: Shape) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape)


def _contradiction(path: Path | str, fault: str) -> WeightsError:
    return WeightsError(f"the graph in {path} contradicts its description: {fault}; export it again")
