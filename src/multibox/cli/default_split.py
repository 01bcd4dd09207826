"""The message that names the split that is evaluated if none was given."""

from pathlib import Path

from multibox.cli.console import say
from multibox.system.launcher import place


def say_default_split(data: Path, name: str, *, split: str | None, option: str = "--split") -> None:
    """Name the data that are evaluated if `data` has several splits and none was given with `option`.

    The default is the split for training. The images that a detector learned from give too high a precision.
    """
    from multibox.data.formats.recognize import recognize

    if split is None and place().first and len(recognize(data).splits()) > 1:
        say(f"evaluating on {name}; {option} selects another split, for example one without training images")
