"""The description of an exported model: class names, how its outputs become detections, and how it was exported."""

import json
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from multibox._version import __version__
from multibox.errors import WeightsError
from multibox.models.rule_faults import find_rules_fault
from multibox.output_rules import OutputRules
from multibox.priors import make_priors
from multibox.size import Size
from multibox.weights.description_text import FORMAT, KEY, check_class_names, checked, damaged, parse_fields
from multibox.weights.model_file import undescribed

if TYPE_CHECKING:
    from multibox.models.config import ModelConfig
    from multibox.models.ssd import SSD

__all__ = ["KEY", "Exported"]

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
End = Literal["detections", "boxes", "raw"]
ENDS: tuple[End, ...] = get_args(End)
MAX_BATCH = 4096

INPUT = "images"
RAW_OUTPUTS = ("offsets", "logits")
BOXES_OUTPUTS = ("boxes", "scores")
OUTPUTS = ("boxes", "scores", "labels", "priors")
OUTPUTS_OF_END = {"detections": OUTPUTS, "boxes": BOXES_OUTPUTS, "raw": RAW_OUTPUTS}


@dataclass(frozen=True)
class Exported:
    """What an exported model says about itself.

    `rules` say how offsets and logits become detections. `network` is the ModelConfig as a JSON object, of which
    engines need no more than the rules. `precision` is "fp32", "fp16", "bf16" or "int8". A model ends with
    "detections", with the "boxes" and scores of all priors, or "raw", with offsets and logits. `batch` is the only
    number of images that the model accepts, None for any number.
    """

    class_names: tuple[str, ...]
    rules: OutputRules
    info: dict[str, Any]
    precision: str
    end: End
    batch: int | None
    network: dict[str, Any]

    @property
    def input_size(self) -> Size:
        return self.rules.input_size

    @classmethod
    def of(cls, model: "SSD", *, info: dict[str, Any], precision: str, end: End, batch: int | None) -> "Exported":
        network = json.loads(json.dumps(model.config.to_json()))
        return cls(model.class_names, model.config.rules, info, precision, end, batch, network)

    @classmethod
    def from_text(cls, text: str | None, *, path: Path | str) -> "Exported":
        """The inverse of `to_text`. Raises WeightsError if there is no description, or a newer or a damaged one."""
        if text is None:
            raise undescribed(path)
        found = parse_fields(text, source=path)
        rules = _rules(found["config"], path=path)
        check_class_names(found["class_names"], priors=rules.priors.count, source=path)
        precision, batch = (found.get(key, "") for key in ("precision", "batch"))
        end = _end(found)
        fits_batch = batch is None or (type(batch) is int and 1 <= batch <= MAX_BATCH)
        if precision not in PRECISIONS or end not in ENDS or not fits_batch:
            raise WeightsError(
                f"{path} has a damaged description of its export: precision is {precision!r}, end {end!r}, batch "
                f"{batch!r}; export it again"
            )
        return cls(found["class_names"], rules, found["info"], precision, end, batch, found["config"])

    def to_text(self) -> str:
        """The value of the metadata entry KEY, with the entries of `summary` for other programs."""
        fields = {"config": self.network, "info": self.info, "batch": self.batch}
        return json.dumps({"version": __version__, "format": FORMAT, **self.summary(), **fields})

    def summary(self) -> dict[str, Any]:
        """What a program without multibox needs, as plain JSON without null, which OpenCV cannot read."""
        height, width = self.input_size
        return {
            "class_names": list(self.class_names),
            "precision": self.precision,
            "end": self.end,
            "input": {"name": INPUT, "type": "uint8", "height": height, "width": width, "channels": "RGB"},
            "outputs": list(OUTPUTS_OF_END[self.end]),
            "detection": asdict(self.rules.detection),
            "priors_sha256": sha256(make_priors(self.rules.priors).astype("<f4").tobytes()).hexdigest(),
        }

    def model_config(self) -> "ModelConfig":
        """The numbers of the network; needs PyTorch. Raises WeightsError if no network can be built from them."""
        from multibox.weights.description import checked_config

        return checked_config(self.network, source="the exported model")


def _rules(config: dict[str, Any], *, path: Path | str) -> OutputRules:
    """The part of a ModelConfig that says how outputs become detections."""
    names = [field.name for field in fields(OutputRules)]
    rules = checked(OutputRules, {name: config[name] for name in names if name in config}, source=path)
    fault = find_rules_fault(rules)
    if fault is not None:
        raise damaged(path, f"config.{fault}")
    return rules


def _end(found: dict[str, Any]) -> Any:
    """The entry "end"; multibox 0.1.0 wrote an entry "raw", which is true or false."""
    old = found.get("raw")
    return found.get("end", ("raw" if old else "detections") if isinstance(old, bool) else None)
