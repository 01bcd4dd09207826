"""The paper's tables as rows: the printed numbers, and the recipe and test images that produce our number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from multibox.paper import printed as paper
from multibox.paper.printed import Printed


@dataclass(frozen=True)
class TestSet:
    """The images that a number is measured on.

    `family` is "voc", "coco" or "ilsvrc". `printed` names the paper's test set if it is another one.
    """

    family: str
    split: str
    images: int
    printed: str | None = None


VOC2007_TEST = TestSet("voc", "2007:test", 4952)
VOC2012_TEST = TestSet("voc", "2012:test", 10991)
COCO_MINIVAL = TestSet("coco", "minival", 5000, printed="test-dev2015")
ILSVRC_VAL2 = TestSet("ilsvrc", "val2", 9917)


@dataclass(frozen=True)
class Row:
    """One row: the printed `numbers`, headline first. `recipe` and `test` are None for methods of other authors."""

    label: str
    numbers: Mapping[str, float]
    recipe: str | None = None
    test: TestSet | None = None
    classes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table of the paper; `name` is what `multibox reproduce` takes.

    `note` is text above the rows, `appendix` Markdown below them.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    note: str = ""
    unit: str = "per cent"
    appendix: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of all numbers in its rows, in order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.numbers))


def _row(printed: Printed, recipe: str | None, test: TestSet) -> Row:
    label = f"{printed.method}, {printed.data}"
    return Row(label, printed.numbers, recipe, test if recipe else None, printed.classes)


def _rows(printed: tuple[Printed, ...], names: dict[tuple[str, str], str], test: TestSet) -> tuple[Row, ...]:
    return tuple(_row(row, names.get((row.method, row.data)), test) for row in printed)


_TABLE1 = {
    ("SSD300", "07"): "table1-ssd300-07",
    ("SSD300", "07+12"): "table1-ssd300-0712",
    ("SSD300", "07+12+COCO"): "table1-ssd300-0712-coco",
    ("SSD512", "07"): "table1-ssd512-07",
    ("SSD512", "07+12"): "table1-ssd512-0712",
    ("SSD512", "07+12+COCO"): "table1-ssd512-0712-coco",
}
_TABLE4 = {
    ("SSD300", "07++12"): "table4-ssd300",
    ("SSD300", "07++12+COCO"): "table4-ssd300-coco",
    ("SSD512", "07++12"): "table4-ssd512",
    ("SSD512", "07++12+COCO"): "table4-ssd512-coco",
}
_TABLE5 = {("SSD300", "trainval35k"): "table5-ssd300", ("SSD512", "trainval35k"): "table5-ssd512"}
_TABLE6 = {
    "07+12": ("{}-voc", VOC2007_TEST),
    "07+12+COCO": ("table6-{}-0712-coco", VOC2007_TEST),
    "07++12": ("table6-{}-0712-plus", VOC2012_TEST),
    "07++12+COCO": ("table6-{}-0712-plus-coco", VOC2012_TEST),
    "trainval35k": ("table6-{}-coco", COCO_MINIVAL),
}


def _table2() -> tuple[Row, ...]:
    return tuple(Row(label, {"mAP": score}, recipe, VOC2007_TEST) for recipe, (label, score) in paper.TABLE2.items())


def _table3() -> tuple[Row, ...]:
    rows = []
    for key, (label, priors, used, inside) in paper.TABLE3.items():
        recipe = "table1-ssd300-0712" if key == "6-sources" else f"table3-{key}"
        rows.append(Row(f"{label}: {priors} priors", {"mAP": used}, recipe, VOC2007_TEST))
        rows.append(Row(f"{label}: inside only", {"mAP": inside}, f"table3-{key}-inside", VOC2007_TEST))
    return tuple(rows)


def _table6() -> tuple[Row, ...]:
    rows = []
    for printed in paper.TABLE6:
        recipe, test = _TABLE6[printed.data]
        rows.append(_row(printed, recipe.format(printed.method.removesuffix("*").lower()), test))
    return tuple(rows)


_NO_SERVER = "The annotations of VOC2012 test are not public; result files for the challenge's server are written."
_NO_TEST_DEV = "The paper's numbers are for test-dev2015, which has no public annotations; ours are for minival."

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            Table("table1", "Table 1: VOC2007 test", _rows(paper.TABLE1, _TABLE1, VOC2007_TEST)),
            Table("table2", "Table 2: what each choice is worth (SSD300, VOC2007 test, trained on 07+12)", _table2()),
            Table(
                "table3",
                "Table 3: fewer source maps (SSD300, VOC2007 test, trained on 07+12)",
                _table3(),
                "The paper does not print the priors of a cell; they are our choice, with the paper's totals.",
            ),
            Table("table4", "Table 4: VOC2012 test", _rows(paper.TABLE4, _TABLE4, VOC2012_TEST), _NO_SERVER),
            Table("table5", "Table 5: COCO", _rows(paper.TABLE5, _TABLE5, COCO_MINIVAL), _NO_TEST_DEV),
            Table("table6", "Table 6: with zoom-out", _table6(), f"{_NO_SERVER} {_NO_TEST_DEV}"),
            Table(
                "ilsvrc",
                "Section 3.5: ILSVRC detection, val2",
                (
                    _row(paper.ILSVRC, "ilsvrc-ssd300", ILSVRC_VAL2),
                    Row("SSD300, VOC's prior sizes", {"mAP": 43.4}, "ilsvrc-ssd300-voc-sizes", ILSVRC_VAL2),
                ),
                "The text and the official script disagree on the prior sizes, so both are trained.",
            ),
        )
    }
)
