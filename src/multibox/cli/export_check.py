"""`multibox export --check`: average precision of the weights and of the file that was made from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multibox.cli.console import progress_bar, say, table
from multibox.cli.default_split import say_default_split
from multibox.cli.options import check_belongs, split_names
from multibox.evaluation.metrics import DEFAULT_METRIC

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detection.detector import Detector
    from multibox.evaluation.evaluate import Evaluation


@dataclass(frozen=True, eq=False)
class Check:
    """The data set and the metric that weights and file are measured with, and other names for the classes."""

    dataset: "Dataset"
    metric: str
    renamed: Sequence[str]

    def measure(self, weights: str, target: Path, *, shown: bool) -> dict[str, dict[str, Any]]:
        """The entry "check", average precision before and after; prints both if they are to be shown."""
        model = target / "model.onnx" if target.is_dir() else target  # a web page is a folder
        before, after = self._measured(weights), self._measured(model)
        if shown:
            print(_side_by_side(before, after))
        return {"check": {"before": before.to_json(), "after": after.to_json()}}

    def _measured(self, source: str | Path) -> "Evaluation":
        from multibox.evaluation.evaluate import evaluate

        detector = self.load(source)
        say(f"evaluating {source} with {detector.engine.config.description}")
        with progress_bar("evaluating") as advance:
            return evaluate(detector, self.dataset, metric=self.metric, progress=advance)

    def load(self, source: str | Path) -> "Detector":
        """The detector of a file, with the other names. Raises DataError if it lacks a class of the data set."""
        from multibox.detection.detector import Detector
        from multibox.evaluation.results.relabel import no_detections, relabel

        detector = Detector.load(source, device="cpu")
        detector.rename_classes(self.renamed)
        relabel(no_detections(detector.class_names, image_size=None), class_names=self.dataset.class_names)
        return detector


def prepare_check(
    weights: str,
    data: Path | None,
    *,
    split: str | None,
    classes: str | None,
    renamed: list[str] | None,
    metric: str | None,
) -> Check | None:
    """Read the data set and compare its classes with those of the weights: before the export, which can take long.

    None if no data are given; raises UsageError if other options are.
    """
    from multibox.data.load import load_dataset

    shown = ",".join(renamed or []) or None
    options = {"--check-split": split, "--classes": classes, "--map": shown, "--metric": metric}
    for option, value in options.items():
        check_belongs(option, value, to="--check", given=data is not None)
    if data is None:
        return None
    dataset = load_dataset(data, split=split, classes=split_names(classes))
    say_default_split(data, dataset.name, split=split, option="--check-split")
    check = Check(dataset, metric or DEFAULT_METRIC, renamed or [])
    check.load(weights)
    return check


def _side_by_side(before: "Evaluation", after: "Evaluation") -> str:
    rows: list[tuple[str, ...]] = [("AP %", "before", "after", "change")]
    for name in (*before.class_names, "mean"):
        one, other = (before.mean, after.mean) if name == "mean" else (before.ap[name], after.ap[name])
        rows.append((name, f"{100 * one:.2f}", f"{100 * other:.2f}", f"{100 * (other - one):+.2f}"))
    return table(rows)
