"""Figures 3, 4 and 6 of the paper: which detectors they show, on VOC2007 test."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from multibox.paper.tables import TABLES, Row, Table, Test


@dataclass(frozen=True)
class Shown:
    """One detector of a figure: what the paper calls it, and the recipe that gives it."""

    label: str
    recipe: str


@dataclass(frozen=True)
class Figure:
    """A figure by the name that `multibox reproduce` takes; each panel compares one or two detectors."""

    name: str
    title: str
    panels: Mapping[str, tuple[Shown, ...]]

    @property
    def detectors(self) -> tuple[Shown, ...]:
        return tuple(shown for panel in self.panels.values() for shown in panel)

    @property
    def table(self) -> Table:
        """The rows of the tables that give its detectors."""
        rows = {row.recipe: row for table in TABLES.values() for row in table.rows}
        return Table(self.name, self.title, tuple(rows[shown.recipe] for shown in self.detectors))

    @property
    def test(self) -> Test:
        """The images that all its detectors are tested on."""
        test = self.table.rows[0].test
        assert test is not None
        return test

    def row(self, shown: Shown) -> Row:
        return next(row for row in self.table.rows if row.recipe == shown.recipe)


_SSD300 = Shown("SSD300", "table1-ssd300-0712")
_SSD512 = Shown("SSD512", "table1-ssd512-0712")

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.name: figure
        for figure in (
            Figure("figure3", "Figure 3: kinds of errors of SSD512", {"figure3": (_SSD512,)}),
            Figure("figure4", "Figure 4: sensitivity to size and shape", {"figure4": (_SSD300, _SSD512)}),
            Figure(
                "figure6",
                "Figure 6: sensitivity to size without and with zoom-out",
                {
                    "figure6-ssd300": (_SSD300, Shown("SSD300*", "ssd300-voc")),
                    "figure6-ssd512": (_SSD512, Shown("SSD512*", "ssd512-voc")),
                },
            ),
        )
    }
)
