"""Reads the options of one layer, and refuses those that are not known."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TypeVar

from multibox.errors import WeightsError
from multibox.weights.origins.caffe.deploy.text import Message

T = TypeVar("T")

_FLAGS = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False, "True": True, "False": False}
_FOR_TRAINING = frozenset({"weight_filler", "bias_filler", "filler", "engine", "force_nd_im2col", "stable_prod_grad"})


class Options:
    """The options in a parameter message of a layer; `where` names the layer in messages.

    Every option that a converter reads becomes known. `finish` refuses what is left, except options that matter for
    training alone.
    """

    def __init__(self, messages: Iterable[Message], *, where: str) -> None:
        self._values: dict[str, list[Message | str]] = {}
        for message in messages:
            for name, values in message.fields.items():
                self._values.setdefault(name, []).extend(values)
        self._known: set[str] = set()
        self.where = where

    def number(self, name: str, default: float) -> float:
        found = self.numbers(name)
        return found[-1] if found else float(default)

    def numbers(self, name: str) -> list[float]:
        values = []
        for text in self._texts(name):
            try:
                values.append(float(text.rstrip("fF") if text[-1:] in ("f", "F") and "inf" not in text else text))
            except ValueError:
                raise self.wrong(name, text, "a number") from None
            if not isfinite(values[-1]):
                raise self.wrong(name, text, "a finite number")
        return values

    def whole(self, name: str, default: int) -> int:
        found = self.wholes(name)
        return found[-1] if found else default

    def wholes(self, name: str) -> list[int]:
        texts = self._texts(name)
        for text in texts:
            if not text.lstrip("+-").isdecimal() or len(text) > 10:
                raise self.wrong(name, text, "a whole number")
        return [int(text) for text in texts]

    def flag(self, name: str, *, default: bool) -> bool:
        texts = self._texts(name)
        if texts and texts[-1] not in _FLAGS:
            raise self.wrong(name, texts[-1], "true or false")
        return _FLAGS[texts[-1]] if texts else default

    def word(self, name: str, *, among: Mapping[str, T], default: str) -> T:
        """What `among` says about the word, or about the number of an enumeration."""
        text = (self._texts(name) or [default])[-1]
        if text not in among:
            raise self.wrong(name, text, f"one of {', '.join(key for key in among if not key.isdecimal())}")
        return among[text]

    def inner(self, name: str) -> "Options":
        """The options of a message inside this one."""
        self._known.add(name)
        messages = [value for value in self._values.get(name, []) if isinstance(value, Message)]
        return Options(messages, where=self.where)

    def has(self, name: str) -> bool:
        self._known.add(name)
        return name in self._values

    def ignore(self, *names: str) -> None:
        """Know options that do not change the detections."""
        self._known.update(names)

    def finish(self) -> None:
        """Raise WeightsError if there is an option that nobody read."""
        unknown = sorted(set(self._values) - self._known - _FOR_TRAINING)
        if unknown:
            raise WeightsError(f"{self.where} has the option {unknown[0][:60]!r}, which multibox does not know")

    def wrong(self, name: str, value: object, wanted: str) -> WeightsError:
        return WeightsError(f"{self.where} has {name}: {str(value)[:60]}, and multibox needs {wanted} there")

    def _texts(self, name: str) -> list[str]:
        self._known.add(name)
        values = self._values.get(name, [])
        if any(isinstance(value, Message) for value in values):
            raise self.wrong(name, "{ ... }", "a value")
        return [value for value in values if isinstance(value, str)]
