"""The lines of the table from the JSON of each step: what was measured, beside the peer and the machine's own rate."""

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple

from benchmarks.table.aims import AIMS
from multibox.bench.machine import share_of_products

Result = Mapping[str, Any]


class Line(NamedTuple):
    """`over` is the ratio to the peer, `share` that of the rate of matrix products in the same run."""

    what: str
    measured: str
    over: str = ""
    share: str = ""
    aim: str = ""


def lines(name: str, result: Result) -> list[Line]:
    """The lines of a step, with their aims."""
    found = _READERS[name](name, result)
    return [line._replace(aim=AIMS.get(line.what.split(" (")[0], "")) for line in found]


def matrix_rates(result: Result) -> Mapping[str, float]:
    """GFLOP/s of matrix products by precision, empty if the step did not measure them."""
    rates: Mapping[str, float] = result.get("rates") or result.get("matrix_product_giga_operations_per_second") or {}
    return rates


def _times(ratio: float) -> str:
    return f"{ratio:.2f} x"


def _share(rate: float, rates: Mapping[str, float], description: str) -> str:
    """The network's share of the rate of its precision."""
    share = share_of_products(rate, computes=description, rates=rates)
    return "" if share is None else f"{100 * share:.0f} %"


def _detection(name: str, result: Result) -> Iterator[Line]:
    title = {"ssd300": "SSD300 VGG16", "ssdlite320": "SSDLite320"}[name]
    yield Line(f"{title}, torchvision fp32", f"{result['torchvision']:.1f} ms")
    for engine, row in result["ours"].items():
        described = result["engines"].get(engine, engine)
        detail = f" ({described.partition(';')[0]})" if engine == "default" else ""
        share = _share(row["rate"], result["rates"], described if engine == "default" else engine)
        yield Line(f"{title}, {engine}{detail}", f"{row['whole']:.1f} ms", _times(row["ratio"]), share)


def _recommended(name: str, result: Result) -> Iterator[Line]:
    rows = result["rows"]
    for engine, row in rows.items():
        if "rate" not in row:
            continue
        described = result["engines"].get(engine, engine)
        detail = f" ({described.partition(';')[0]})" if engine == "default" else ""
        share = _share(row["rate"], result["rates"], described if engine == "default" else engine)
        over = _times(rows["predict 320"]["whole"] / row["whole"]) if "predict 320" in rows else ""
        yield Line(f"lite320, {engine}{detail}", f"{row['whole']:.2f} ms", over, share)
    model = (result["yolo"] or {}).get("model")
    for key in (key for key in rows if "rate" not in rows[key]):
        way, side = key.split()
        what = "predict fp32" if way == "predict" else "network alone in OpenVINO"
        yield Line(f"{model}, {side} px, {what}", f"{rows[key]['whole']:.2f} ms")


def _training(name: str, result: Result) -> Iterator[Line]:
    title = {"train-ssd300": "SSD300 VGG16", "train-ssdlite320": "SSDLite320"}[name]
    theirs = [spent["step"][0] for spent in result["torchvision"]]
    yield Line(f"training step, {title}, torchvision fp32", f"{median(theirs):.0f} ms")
    for precision, spent in result["ours"].items():
        computed = result["computed"][precision]
        detail = f" ({computed})" if precision == "auto" else ""
        own = [times["step"] for times in spent]
        ratio = median(a / b for a, b in zip(theirs, own, strict=True))
        share = _share(1000 * result["operations"] / median(own), result["rates"], computed)
        yield Line(f"training step, {title}, {precision}{detail}", f"{median(own):.0f} ms", _times(ratio), share)


def _quick(name: str, result: Result) -> Iterator[Line]:
    memory, rates = result["in_memory"], matrix_rates(result)
    inside = memory["inside_loss"]["match"] / memory["milliseconds"]["step"]["median"]
    loss = f"loss {100 * memory['shares']['loss']:.1f} % of the step, matching {100 * inside:.1f} %"
    rate = result["giga_operations_per_second"]
    share = _share(rate, rates, result["precision"])
    measured = f"{memory['images_per_second']:.1f} images/s, {rate:.0f} GFLOP/s, {loss}"
    yield Line(f"training `quick`, {name.removeprefix('quick-')}", measured, "", share)


def _commands(name: str, result: Result) -> Iterator[Line]:
    for command, row in result["rows"].items():
        if "error" in row:
            yield Line(f"`multibox` {command}", f"not measured: {row['error']}")
        else:
            first = f", first call {row['first']:.2f} s" if row["first"] != row["wall"] else ""
            measured = f"{row['wall']:.2f} s, processor {row['user']:.2f} s, {row['mib']:.0f} MiB{first}"
            yield Line(f"`multibox` {command}", measured)


def _busy(name: str, result: Result) -> Iterator[Line]:
    beside, alone = median(result["beside"]), median(result["alone"])
    yield Line(
        f"training `{result['recipe']}` beside one busy process",
        f"{100 * result['share']:.0f} % of idle: {beside:.1f} of {alone:.1f} images/s",
    )


def _evaluate(name: str, result: Result) -> Iterator[Line]:
    for row in result["rows"]:
        measured = f"{row['wall']:.1f} s, processor {row['cpu']:.1f} s, {row['megabytes']:.0f} MB"
        yield Line(f"`evaluate`, 985,364 detections, {row['metric']}", measured)


def _headline(name: str, result: Result) -> Iterator[Line]:
    for row in result["measured"]["peers"]["rows"]:
        height, width = row["input_size"]
        what = f"Table 7, {row['method']}, {row['program']}, {width} x {height}"
        yield Line(what, f"{row['fps']:.3g} frames/s", f"{row['over_faster_rcnn']:.2f} x Faster R-CNN")


_READERS: dict[str, Callable[[str, Result], Iterator[Line]]] = {
    "ssd300": _detection,
    "ssdlite320": _detection,
    "lite320": _recommended,
    "train-ssd300": _training,
    "train-ssdlite320": _training,
    "quick-fp32": _quick,
    "quick-bf16": _quick,
    "commands": _commands,
    "busy": _busy,
    "evaluate": _evaluate,
    "table7": _headline,
    "demo": _commands,
}
