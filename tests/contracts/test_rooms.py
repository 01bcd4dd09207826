"""The order of the rooms in ARCHITECTURE.md: imports point down, and there is no circle."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "src"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("words",),
    ("mathematics",),
    ("system",),
    ("images",),
    ("drawing",),
    ("detections",),
    ("models",),
    ("data",),
    ("tiling",),
    ("check",),
    ("weights",),
    ("training", "detection", "evaluation"),
    ("experiments", "batch", "video", "service"),
    ("bench",),
    ("paper",),
    ("cli",),
)
"""From the bottom up. A room may import only from lower lines, so rooms on one line do not import each other."""

ROOM_OF_FILE = {
    **dict.fromkeys(("_version", "class_map", "errors", "size", "words"), "words"),
    **dict.fromkeys(
        (
            *("array_nms", "array_postprocess", "batched_nms", "boxes", "coder", "loss", "matching", "nms"),
            *("output_rules", "pairwise", "postprocess", "priors", "scores", "selection"),
        ),
        "mathematics",
    ),
    "detections": "detections",
}
"""The room of each file at the front door; __init__.py and __main__.py stand above all rooms."""

NO_MATHEMATICS = ("system", "images", "drawing")
"""Rooms that know nothing of SSD."""


class Import(NamedTuple):
    """One import statement: the importing and the imported module, and whether it runs when the module is loaded."""

    module: str
    imported: str
    line: int
    when_loaded: bool

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    """The files of the package by module name."""
    names = {path: ".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in SOURCE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


@cache
def imports() -> list[Import]:
    """All imports of the package from itself, in functions and under TYPE_CHECKING too."""
    return [
        Import(module, imported, line, when_loaded)
        for module, path in modules().items()
        for imported, line, when_loaded in _imports_below(ast.parse(path.read_text(encoding="utf-8")), when_loaded=True)
    ]


def _imports_below(tree: ast.AST, *, when_loaded: bool) -> Iterator[tuple[str, int, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "multibox":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in modules() else str(node.module)), node.lineno, when_loaded
        elif isinstance(node, ast.Import):
            yield from ((a.name, node.lineno, when_loaded) for a in node.names if a.name.split(".")[0] == "multibox")
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        yield from _imports_below(node, when_loaded=when_loaded and not later)


def room(module: str) -> str | None:
    """The room of a module, None for the files above all rooms."""
    _, *rest = module.split(".")
    if not rest or rest == ["__main__"]:
        return None
    return ROOM_OF_FILE.get(rest[0], rest[0])


def level(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def test_every_room_has_a_place():
    """The rooms on disk against the list above."""
    found = {name for module in modules() if (name := room(module))}
    assert found == {name for rooms in FLOORS for name in rooms}


def test_the_page_has_the_same_order():
    """The list in ARCHITECTURE.md against the list above."""
    page = (SOURCE.parent / "ARCHITECTURE.md").read_text("utf-8")
    listed = page.split("<!-- order of imports -->\n```\n")[1].split("```")[0]
    assert tuple(tuple(line.split()) for line in listed.splitlines()) == FLOORS


def test_imports_point_down():
    """Each import between two rooms against their levels."""
    between = [(a, b, one) for one in imports() if (a := room(one.module)) and (b := room(one.imported)) and a != b]
    assert [str(one) for a, b, one in between if level(b) >= level(a)] == []
    assert [str(one) for a, b, one in between if a in NO_MATHEMATICS and b == "mathematics"] == []


def test_no_module_imports_a_front_name():
    """Inside the package, imports of `multibox` itself are for the version only; the other names are for users."""
    assert [str(one) for one in imports() if room(one.imported) is None and room(one.module)] == []


def test_no_import_circle():
    """Imports that run when a module is loaded against an order in which all modules can be loaded."""
    graph = {name: {one.imported for one in imports() if one.module == name and one.when_loaded} for name in modules()}
    TopologicalSorter(graph).prepare()  # raises CycleError that lists the circle


def functions(room_name: str) -> Iterator[tuple[str, int]]:
    """Each function of a room and the lines of its body, without the signature and the docstring."""
    for module, path in modules().items():
        if room(module) == room_name:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    body = node.body[1:] if ast.get_docstring(node) else node.body
                    yield f"{module}.{node.name}", _last_line(body) - body[0].lineno + 1 if body else 0


def _last_line(body: list[ast.stmt]) -> int:
    return body[-1].end_lineno or 0


def test_commands_are_short():
    """Functions of the command line against 25 lines: they parse, call and print."""
    assert {name: lines for name, lines in functions("cli") if lines > 25} == {}
