"""The reference pages of the public Python names: signatures as they are written in the code, and docstrings."""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import multibox
from scripts.docs_site.markdown import escaped, first_sentence, paragraphs, table

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef

TITLES = {
    "detection": "Detection",
    "detections": "Detection",
    "models": "Models",
    "data": "Data",
    "size": "Data",
    "experiments": "Training",
    "training": "Training",
    "evaluation": "Evaluation",
    "weights": "Weights and export",
    "video": "Video",
    "errors": "Errors",
}
"""The page of a name, by the first part of the module that defines it; other rooms get a page of their own."""

_INDEX = """# Python

```python
import multibox
```

These names are public: they change only deliberately, and the changelog describes it. Each is imported when it is
first used, so that `import multibox` takes a few milliseconds.
"""
_SPECIAL_METHODS = ("__call__", "__iter__", "__len__", "__getitem__")
_WIDTH = 80
"""Longer signatures get a line for each parameter."""


@dataclass(frozen=True)
class Name:
    """A public name, the definition that it leads to, and the page that shows it."""

    name: str
    module: str
    node: Definition
    docstring: str

    @property
    def page(self) -> str:
        room = self.module.split(".")[1]
        return TITLES.get(room, room.capitalize())


def python_pages() -> dict[str, str]:
    """The Markdown of each page by its file name: an index of all names, and a page for each subject."""
    names = [_find(multibox, name) for name in multibox.__all__ if name != "__version__"]
    names += [_find(multibox.video, name) for name in multibox.video.__all__]
    titles = dict.fromkeys(title for title in TITLES.values() if any(n.page == title for n in names))
    titles |= dict.fromkeys(name.page for name in names)
    index = [_INDEX]
    pages = {}
    for title in titles:
        here = [name for name in names if name.page == title]
        rows = table(("name", "meaning"), [(_linked(n), escaped(first_sentence(n.docstring))) for n in here])
        index.append(f"## {title}\n\n{rows}\n")
        pages[f"python/{_slug(title)}.md"] = "\n\n".join([f"# {title}", *(_section(n) for n in here)]) + "\n"
    return {"python/index.md": "\n".join(index)} | pages


def _linked(name: Name) -> str:
    return f"[`{name.name}`]({_slug(name.page)}.md#{name.name.lower()})"


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")


def _find(package: ModuleType, name: str) -> Name:
    """The definition of a public class or function, found in the source of its module."""
    module = getattr(package, name).__module__
    tree = ast.parse(Path(str(sys.modules[module].__file__)).read_text("utf-8"))
    node = next(n for n in reversed(tree.body) if isinstance(n, Definition) and n.name == name)
    return Name(name, module, node, _docstring(node))


def _docstring(node: Any, after: ast.stmt | None = None) -> str:
    """The docstring of a definition; that of a field is the string after it."""
    if isinstance(node, Definition):
        return ast.get_docstring(node) or ""
    match after:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
    return ""


def _section(name: Name) -> str:
    parts = [f"## {name.name}", *_body(name.name, name.node, name.docstring)]
    return "\n\n".join(parts)


def _body(name: str, node: Definition, docstring: str) -> Iterator[str]:
    if isinstance(node, ast.ClassDef):
        yield _code(f"class {_class_signature(node)}")
    elif isinstance(node, Function):
        yield _code(_signature(name, node))
    yield paragraphs(docstring)
    if isinstance(node, ast.ClassDef):
        yield from _members(node)


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Documented fields, then public methods and properties that the class itself defines."""
    fields = [(field, text) for field, text in _fields(node) if text]
    if fields:
        yield table(("field", "meaning"), [(f"`{_target(f)}`", escaped(" ".join(text.split()))) for f, text in fields])
    methods = {method.name: method for method in node.body if isinstance(method, Function)}  # overloads: the last
    for method in methods.values():
        public = not method.name.startswith("_") or method.name in _SPECIAL_METHODS
        if not public or not _docstring(method):
            continue
        decorators = {ast.unparse(decorator) for decorator in method.decorator_list}
        if "property" in decorators:
            returns = f": {_annotation(method.returns)}" if method.returns else ""
            yield f"### {node.name}.{method.name}"
            yield _code(f"{method.name}{returns}")
        else:
            yield f"### {node.name}.{method.name}".replace("__", r"\_\_")
            yield _code(_signature(method.name, method, bound="staticmethod" not in decorators))
        yield paragraphs(_docstring(method))


def _fields(node: ast.ClassDef) -> Iterator[tuple[ast.AnnAssign, str]]:
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and not _target(field).startswith("_"):
            yield field, _docstring(field, after)


def _target(field: ast.AnnAssign) -> str:
    return ast.unparse(field.target)


def _class_signature(node: ast.ClassDef) -> str:
    init = next((m for m in node.body if isinstance(m, Function) and m.name == "__init__"), None)
    if init:
        return _call(node.name, _arguments(init, bound=True))
    decorators = {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}
    if "dataclass" in decorators:
        return _call(node.name, [_field_text(field) for field, _ in _fields(node)])
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    return f"{node.name}({bases})" if bases else node.name


def _field_text(field: ast.AnnAssign) -> str:
    text = f"{_target(field)}: {_annotation(field.annotation)}"
    if field.value is None:
        return text
    return f"{text} = {_source(field.value)}" if not isinstance(field.value, ast.Call) else f"{text} = ..."


def _signature(name: str, node: Function, *, bound: bool = False) -> str:
    returns = f" -> {_annotation(node.returns)}" if node.returns else ""
    return _call(name, _arguments(node, bound=bound)) + returns


def _arguments(node: Function, *, bound: bool) -> list[str]:
    """Each parameter as it is written, without `self` or `cls`."""
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    texts = [_argument(argument, default) for argument, default in zip(plain, defaults, strict=True)][bound:]
    if given.vararg:
        texts.append("*" + _argument(given.vararg, None))
    elif given.kwonlyargs:
        texts.append("*")
    texts += [_argument(a, default) for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return texts + (["**" + _argument(given.kwarg, None)] if given.kwarg else [])


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    text = f"{argument.arg}: {_annotation(argument.annotation)}" if argument.annotation else argument.arg
    if default is None:
        return text
    return f"{text} = {_source(default)}" if argument.annotation else f"{text}={_source(default)}"


def _annotation(node: ast.expr) -> str:
    """An annotation as code. The name of a class in quotes loses them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return _source(node)


def _source(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')


def _call(name: str, arguments: list[str]) -> str:
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), ")"])


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
