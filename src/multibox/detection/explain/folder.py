"""The folder of an explanation: report.html, explanation.json, and one PNG for each view."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.detection.explain.explanation import (
    ExplainedDetection,
    ExplainedObject,
    Explanation,
    ScoreMap,
    ratio_text,
)
from multibox.detection.explain.views import draw_detection, draw_object, draw_overview, draw_score_map
from multibox.drawing.html import jpeg_uri, write_page
from multibox.images.write import write_image
from multibox.system.atomic import write_atomically

REPORT, NUMBERS = "report.html", "explanation.json"
MADE_BY = "multibox explain"
_MOST_OTHERS = 8  # rows of the table of suppressed boxes
_MOST_CLASSES = 8  # bars of scores

Image = UInt8[np.ndarray, "_ _ 3"]


def write_explanation(out: Path, explanation: Explanation, image: Image, *, name: str, detector: str) -> None:
    """Write all files into a prepared folder; `name` is that of the image, `detector` says what found the boxes."""
    views = _views(explanation, image)
    for file, pixels in views.items():
        write_image(out / file, pixels)
    numbers = {"made_by": MADE_BY, "image": name, **explanation.to_json(), "files": [REPORT, NUMBERS, *views]}
    write_atomically(out / NUMBERS, (json.dumps(numbers, ensure_ascii=False, indent=1) + "\n").encode())
    write_page(out / REPORT, "detection/explain/report.html", _values(explanation, views, name=name, detector=detector))


def _views(explanation: Explanation, image: Image) -> dict[str, Image]:
    """The drawings by their file names."""
    found = {f"detection-{n}.png": draw_detection(image, one) for n, one in enumerate(explanation.detections, 1)}
    maps = {f"map-{n}.png": draw_score_map(image, one) for n, one in enumerate(explanation.maps, 1)}
    objects = {f"object-{n}.png": draw_object(image, one) for n, one in enumerate(explanation.objects or (), 1)}
    return {"detections.png": draw_overview(image, explanation), **found, **maps, **objects}


def _values(explanation: Explanation, views: dict[str, Image], *, name: str, detector: str) -> dict[str, Any]:
    """The values of the page."""
    least = explanation.min_score
    count = len(explanation.detections)
    missed = sum(one.detection is None for one in explanation.objects or ())
    numbers = [
        (f"{'detection' if count == 1 else 'detections'} with a score of at least {least:g}", f"{count:,}"),
        ("boxes above the detector's threshold", f"{explanation.candidates:,}"),
        ("priors", f"{explanation.priors:,}"),
    ]
    if explanation.objects is not None:
        numbers.insert(1, (f"of {len(explanation.objects)} labeled objects missed", f"{missed:,}"))
    return {
        "title": f"Why these boxes: {name}",
        "numbers": numbers,
        "overview": jpeg_uri(views["detections.png"], max_width=952),
        "overview_note": "The numbers are those of the sections below." if count else f"Nothing has {least:g} or more.",
        "detections": [_detection(n, one, views) for n, one in enumerate(explanation.detections, 1)],
        "objects": [_object(n, one, views) for n, one in enumerate(explanation.objects or (), 1)],
        "maps": [_map(n, one, views, explanation.class_names) for n, one in enumerate(explanation.maps, 1)],
        "detector": detector,
    }


def _detection(number: int, found: ExplainedDetection, views: dict[str, Image]) -> dict[str, Any]:
    others = [
        (
            "would be next" if other == found.next else "",
            f"{other.score:.3f}",
            f"{other.overlap:.2f}",
            f"{other.prior:,}",
        )
        for other in found.suppressed[:_MOST_OTHERS]
    ]
    scores = list(found.scores[:_MOST_CLASSES])
    if found.background is not None:
        scores.append(("background", found.background))
    return {
        "number": number,
        "name": found.name,
        "score": f"{found.score:.3f}",
        "alt": f"{found.name} with its prior and the boxes that it suppressed",
        "source": jpeg_uri(views[f"detection-{number}.png"]),
        "facts": _facts(found),
        "scores": scores,
        "others": others,
        "suppressed": _more(len(found.suppressed)),
    }


def _facts(found: ExplainedDetection) -> list[tuple[str, str]]:
    place, (x, y, w, h) = found.place, found.offsets
    rows, columns = place.cells
    without = f"a box with a score of {found.next.score:.3f}" if found.next else "no box of this class"
    return [
        ("prior", f"{place.index:,}, box {place.position.box + 1} of its cell"),
        ("source map", f"{place.position.map + 1}, {rows} x {columns} cells"),
        ("cell", f"row {place.position.row + 1}, column {place.position.column + 1}"),
        ("scale, ratio", f"{place.scale:.2f} of the input, {ratio_text(place.ratio)}"),
        ("offsets", f"x {x:+.2f}, y {y:+.2f}, width {w:+.2f}, height {h:+.2f}"),
        ("suppressed", f"{len(found.suppressed):,} boxes; without this one, {without} would be here"),
    ]


def _more(count: int) -> str:
    return f"the best {_MOST_OTHERS} of {count:,}" if count > _MOST_OTHERS else f"{count:,}"


def _object(number: int, thing: ExplainedObject, views: dict[str, Image]) -> dict[str, Any]:
    best = f", the best with IoU {thing.matches[0].overlap:.2f}" if thing.matches else ""
    priors = f"{len(thing.matches)} {'prior' if len(thing.matches) == 1 else 'priors'}"
    return {
        "name": thing.name,
        "verdict": "missed" if thing.detection is None else f"found by detection {thing.detection + 1}",
        "text": f"{thing.reason[0].upper()}{thing.reason[1:]}. Training matches {priors} to it{best}.",
        "alt": f"{thing.name} with the priors that training matches to it",
        "source": jpeg_uri(views[f"object-{number}.png"]),
    }


def _map(number: int, scores: ScoreMap, views: dict[str, Image], class_names: tuple[str, ...]) -> dict[str, Any]:
    rows, columns = scores.scores.shape
    best = int(scores.scores.argmax())
    name, score = class_names[scores.labels.flat[best]], float(scores.scores.flat[best])
    return {
        "number": number,
        "cells": f"{rows} x {columns} cells",
        "text": f"best: {name} {score:.2f} in row {best // columns + 1}, column {best % columns + 1}",
        "source": jpeg_uri(_reduced(views[f"map-{number}.png"])),
    }


def _reduced(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = 560 / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
