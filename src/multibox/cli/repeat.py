"""The command line that was given, shown as what to type next."""

import os
import shlex
import sys


def repeated(*, also: str) -> str:
    """The words of this process's command with the option `also`, quoted for a shell."""
    words = sys.argv[1:]
    launcher = "torchrun ... -m " if "TORCHELASTIC_RUN_ID" in os.environ else ""
    return launcher + shlex.join(["multibox", *words, *([] if also in words else [also])])
