"""An annotation function of CVAT that asks a running multibox service.

    pip install cvat-cli pillow
    export MULTIBOX=http://127.0.0.1:8000 MULTIBOX_TOKEN=...
    cvat-cli --server-host https://cvat.example.org task auto-annotate 137 \
        --function-file cvat_function.py --allow-unmatched-labels

The labels of the task must have the names of the model's classes. MULTIBOX_MIN_SCORE is 0.3 if it is not set.
"""

import io
import json
import os
import urllib.request
from typing import Any

import cvat_sdk.auto_annotation as cvataa
import PIL.Image

_ADDRESS = os.environ.get("MULTIBOX", "http://127.0.0.1:8000").rstrip("/")
_MIN_SCORE = float(os.environ.get("MULTIBOX_MIN_SCORE", "0.3"))


def _ask(path: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(_ADDRESS + path, data=body)
    if token := os.environ.get("MULTIBOX_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


spec = cvataa.DetectionFunctionSpec(
    labels=[cvataa.label_spec(one["name"], one["label"]) for one in _ask("/v1/models")["models"][0]["classes"]]
)


def detect(context: cvataa.DetectionFunctionContext, image: PIL.Image.Image) -> list[Any]:
    """Rectangles of one image, as CVAT calls this function."""
    score = _MIN_SCORE if context.conf_threshold is None else context.conf_threshold
    data = io.BytesIO()
    image.convert("RGB").save(data, "PNG")
    answer = _ask(f"/v1/detect?min_score={score}", data.getvalue())
    return [cvataa.rectangle(row["label"], row["box"]) for row in answer["images"][0]["detections"]]
