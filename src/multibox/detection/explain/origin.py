"""What `Detections.explain` needs: the detector and the image, which is not kept in memory for this."""

import weakref
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any

from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.detection.detector import Detector
    from multibox.detection.explain.explanation import ExplainedDetection


class ImageOrigin:
    """The detector that found something in an image, and the image: its path, or a weak reference to an object.

    A pickle of it is None, because another process has neither.
    """

    def __init__(self, detector: "Detector", source: Any) -> None:
        self._detector = detector
        self._source = _reference(source)

    def explain(self, *, prior: int, name: str) -> "ExplainedDetection":
        """Run the network again and explain the detection of this prior and class."""
        from multibox.detection.explain.explain import explain_one

        source = self._source()
        if source is None:
            raise UsageError("the image of these detections is gone: keep it, or use multibox.explain(detector, image)")
        return explain_one(self._detector, source, prior=prior, name=name)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def _reference(source: Any) -> Callable[[], Any]:
    """The source of an image later: a path as it is, an object as long as somebody else keeps it, bytes never."""
    if isinstance(source, str | PathLike):
        return lambda: source
    try:
        return weakref.ref(source)
    except TypeError:
        return lambda: None
