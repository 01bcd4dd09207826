"""The comparison of the paper's abstract and Figure 2, SSD300 : Faster R-CNN : YOLO, beside Table 7."""

from typing import Any

from multibox.paper.printed import HEADLINE
from multibox.words import counted

_FASTER_RCNN = "Faster R-CNN (VGG16)"


def headline_text(measured: dict[str, Any]) -> str:
    """Return text and a table in Markdown from the result of `bench_headline`: speeds and ratios beside the paper's."""
    lines = [
        _conditions(measured),
        "",
        "| | input | frames/s | over Faster R-CNN | paper, frames/s | paper, over Faster R-CNN |",
        "|---|---|---:|---:|---:|---:|",
        *(_line(row) for row in measured["rows"]),
    ]
    if not measured["versions"]["ultralytics"]:
        lines += ["", f"No YOLO: ultralytics is not installed for {measured['python']}."]
    return "\n".join(lines)


def _conditions(measured: dict[str, Any]) -> str:
    machine, versions = measured["machine"], measured["versions"]
    rates = measured["matrix_product_giga_operations_per_second"]
    products = ", ".join(f"{rate:.0f} in {name}" for name, rate in rates.items())
    others = " and ".join(f"{name} {versions[name]}" for name in ("torchvision", "ultralytics") if versions[name])
    return (
        f"{measured['date']}: {measured['device']}, {counted(machine['threads'], 'thread')}, load "
        f"{machine['load']:.1f} before, torch {machine['torch']}; {others} with torch {versions['torch']}. One frame "
        "at a time, from pixels of the input size to boxes, with random weights, in turns, "
        f"{counted(measured['rounds'], 'round')}. Matrix products, GFLOP/s: {products}."
    )


def _line(row: dict[str, Any]) -> str:
    height, width = row["input_size"]
    printed = HEADLINE[row["method"]]
    ratio = printed / HEADLINE[_FASTER_RCNN]
    return (
        f"| {row['method']}, {row['program']} | {width} x {height} | {row['fps']:.3g} | {row['over_faster_rcnn']:.3g} "
        f"| {printed} | {ratio:.2g} |"
    )
