"""Answers of the shipped detector, as examples in the OpenAPI description."""

import json
from pathlib import Path
from typing import Any

_EXAMPLES: dict[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text("utf-8"))

DETECT_ANSWER: dict[str, Any] = _EXAMPLES["detect"]
COCO_ANSWER: dict[str, Any] = _EXAMPLES["coco"]
MODELS_ANSWER: dict[str, Any] = _EXAMPLES["models"]
EXPLAIN_ANSWER: dict[str, Any] = _EXAMPLES["explain"]
