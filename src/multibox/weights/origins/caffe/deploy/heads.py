"""Finds the heads of a network: for each group of priors the predictors of offsets and of scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from multibox.errors import WeightsError
from multibox.scores import ScoreFunction
from multibox.weights.origins.caffe.deploy.build import Network
from multibox.weights.origins.caffe.deploy.nodes import Node, consumers
from multibox.weights.origins.caffe.deploy.output import Output
from multibox.weights.origins.caffe.deploy.predictors import (
    Convolved,
    Rows,
    background_first,
    convolved,
    find_rows,
    offsets_of,
    one_function,
)


@dataclass(frozen=True, eq=False)
class FoundHeads:
    """The predictors of each group of priors, the function of their scores, and the classes without background."""

    location: list[Convolved]
    confidence: list[Convolved]
    function: ScoreFunction
    classes: int


def find_heads(network: Network, output: Output, added: list[Node]) -> FoundHeads:
    """The predictors behind the blobs of the output; `added` receives nodes that they need.

    Raises WeightsError if offsets and scores do not belong together.
    """
    offsets = find_rows(output.location, where=output.source)
    scores = find_rows(output.scores, where=output.source)
    function, over = one_function(scores)
    classes = output.classes or over
    if function is None or any(rows.function is not None for rows in offsets):
        raise WeightsError(
            f"{output.source}: multibox needs scores that are the softmax or sigmoid of predictors, and offsets that "
            "are not"
        )
    if classes is None or over not in (None, classes):
        raise WeightsError(
            f"{output.source}: its softmax is over {over} values, but there are {classes} classes, background included"
        )
    background = output.background
    _check_boxes(offsets, scores, values=4 if output.shared else 4 * classes, classes=classes, source=output.source)
    users = consumers(network.nodes)
    location = [convolved(rows.map, users=users, add=added) for rows in offsets]
    if not output.shared:
        label = next(label for label in range(classes) if label != background)
        location = [offsets_of(found, classes=classes, label=label) for found in location]
    confidence = [
        background_first(convolved(rows.map, users=users, add=added), classes=classes, background=background)
        for rows in scores
    ]
    return FoundHeads(location, confidence, function, classes - (background >= 0))


def _check_boxes(offsets: Sequence[Rows], scores: Sequence[Rows], *, values: int, classes: int, source: str) -> None:
    """Raise WeightsError unless the maps predict offsets, so many `values`, and all scores for the same boxes."""
    sides = ((offsets, values), (scores, classes))
    boxes = [[(rows.map.shape[0] / each, *rows.map.shape[1:]) for rows in side] for side, each in sides]
    if boxes[0] != boxes[1] or any(count[0] % 1 for count in boxes[0]):
        found = [", ".join(" x ".join(map(str, rows.map.shape)) for rows in side) for side in (offsets, scores)]
        raise WeightsError(
            f"{source}: offsets come from maps of {found[0][:200]} and scores of {classes} classes from maps of "
            f"{found[1][:200]}, which predict different boxes"
        )
