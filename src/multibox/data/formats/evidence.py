"""How strong the evidence for a format is in the files at a path."""

from enum import IntEnum
from typing import NamedTuple


class Strength(IntEnum):
    """From a file that is only named like one of the format to files that describe a whole data set of it."""

    NAMED = 0
    """The name fits and the content does not; reading says what is wrong."""
    LOOSE = 1
    """Files of the format, in no order that the format knows."""
    STRUCTURED = 2
    """Files of the format in its folders."""
    DECLARED = 3
    """A file or list that describes the data set."""


class Evidence(NamedTuple):
    """The strength, and what was found, for messages: "data.yaml"."""

    strength: Strength
    text: str
