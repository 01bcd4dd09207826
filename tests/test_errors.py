"""Errors that users can fix, against the line that they print."""

import pickle

import pytest

from multibox.errors import MultiboxError, StoppedError, WeightsError


@pytest.mark.parametrize("kind", [MultiboxError, WeightsError])
def test_a_message_is_one_line(kind: type[MultiboxError]) -> None:
    """A value with control characters inside a message against their escapes; all other characters stay."""
    error = kind("size is '1\n2\x1b[31m\u202e', two  spaces: é 名")
    assert str(error) == "size is '1\\u000a2\\u001b[31m\\u202e', two  spaces: é 名"
    assert f"({error})" == f"({error!s})"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_an_error_with_a_number_keeps_its_message() -> None:
    """The message of an error with its own constructor."""
    error = StoppedError("stopped\tby a signal", number=15)
    assert (str(error), error.exit_code) == ("stopped\\u0009by a signal", 143)
