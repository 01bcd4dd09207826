"""The outputs of a network, for files that end before DetectionOutput."""

from collections.abc import Sequence

from multibox.errors import WeightsError
from multibox.models.bases.graph.layers.joining import Concat
from multibox.priors import PriorMap
from multibox.weights.origins.caffe.deploy.nodes import Node
from multibox.weights.origins.caffe.deploy.output import Output
from multibox.weights.origins.caffe.deploy.predictors import find_rows

_MOST_MAPS = 64


def prior_maps(end: Node) -> tuple[PriorMap, ...]:
    """The priors that are joined in a blob, in order; none if it is something else."""
    found: list[PriorMap] = []
    stack = [end]
    while stack and len(found) + len(stack) <= _MOST_MAPS:
        node = stack.pop()
        if node.priors is not None:
            found.append(node.priors)
        elif isinstance(node.layer, Concat) and node.layer.axis == 2:
            stack += reversed(node.inputs)
        else:
            return ()
    return () if stack else tuple(found)


def find_output(ends: Sequence[Node], *, source: str) -> Output:
    """The offsets, scores and priors among the blobs that no layer takes.

    Scores are those that go through softmax or sigmoid. Raises WeightsError if it is not clear which blob is which.
    """
    priors = [end for end in ends if prior_maps(end)]
    rest = [end for end in ends if end not in priors]
    scores = [end for end in rest if _is_scores(end)]
    offsets = [end for end in rest if end not in scores]
    if len(scores) != 1 or len(offsets) != 1 or len(priors) > 1:
        names = ", ".join(f"{end.name[:60]!r} ({end.type[:60]})" for end in ends[:6])
        raise WeightsError(
            f"{source} ends with {names}: an SSD ends with DetectionOutput, or with offsets, scores of a softmax or "
            "sigmoid, and the priors if it has PriorBox layers; OpenCV 4 runs others, such as classifiers"
        )
    return Output(offsets[0], scores[0], priors[0] if priors else None, source=source)


def _is_scores(end: Node) -> bool:
    try:
        return any(rows.function is not None for rows in find_rows(end, where=""))
    except WeightsError:
        return False
