"""Figures 3 to 6 of the paper: which detectors they show, on which images. `reproduce_figure` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from multibox.paper.tables import TABLES, Row, Table, TestSet


@dataclass(frozen=True)
class ShownDetector:
    """A detector of a figure: the paper's name for it, and the recipe that trains it."""

    label: str
    recipe: str


@dataclass(frozen=True)
class Figure:
    """A figure; `name` is what `multibox reproduce` takes.

    Each panel compares one or two detectors by an analysis. With a `min_score`, it shows example images instead, with
    the detections that have at least this score.
    """

    name: str
    title: str
    panels: Mapping[str, tuple[ShownDetector, ...]]
    min_score: float | None = None

    @property
    def detectors(self) -> tuple[ShownDetector, ...]:
        return tuple(shown for panel in self.panels.values() for shown in panel)

    @property
    def table(self) -> Table:
        """The rows that train its detectors, each from the first table that has it, whose label names the detector."""
        rows: dict[str | None, Row] = {}
        for row in (row for table in TABLES.values() for row in table.rows):
            rows.setdefault(row.recipe, row)
        return Table(self.name, self.title, tuple(rows[shown.recipe] for shown in self.detectors))

    @property
    def test(self) -> TestSet:
        """The images that all its detectors are tested on."""
        test = self.table.rows[0].test
        assert test is not None
        return test

    def row(self, shown: ShownDetector) -> Row:
        return next(row for row in self.table.rows if row.recipe == shown.recipe)


_SSD300 = ShownDetector("SSD300", "table1-ssd300-0712")
_SSD512 = ShownDetector("SSD512", "table1-ssd512-0712")

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.name: figure
        for figure in (
            Figure("figure3", "Figure 3: kinds of errors of SSD512", {"figure3": (_SSD512,)}),
            Figure("figure4", "Figure 4: sensitivity to size and shape", {"figure4": (_SSD300, _SSD512)}),
            Figure(
                "figure5",
                "Figure 5: detections of SSD512 on COCO test-dev with scores above 0.6",
                {"figure5": (ShownDetector("SSD512", "table5-ssd512"),)},
                min_score=0.6,
            ),
            Figure(
                "figure6",
                "Figure 6: sensitivity to size without and with zoom-out",
                {
                    "figure6-ssd300": (_SSD300, ShownDetector("SSD300*", "ssd300-voc")),
                    "figure6-ssd512": (_SSD512, ShownDetector("SSD512*", "ssd512-voc")),
                },
            ),
        )
    }
)
