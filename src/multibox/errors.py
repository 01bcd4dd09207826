"""The errors that users can cause and fix.

MultiboxError
├── UsageError      an unknown name, or options that contradict each other          exit code 2
├── ProcessError    another process of the same command ended or hangs              exit code 1
├── ShortMemoryError there is not enough memory                                  exit code 1
├── StoppedError    a signal ended a run, which can be resumed                       exit code 128 + signal
└── InputError      an input cannot be used                                          exit code 1
    ├── DataError       a data set, an annotation file or an image
    ├── WeightsError    a weight file or a download
    └── TrainingError   a run that cannot continue

Every message is one line: the value received, the rule, the next step. Line feeds and other control characters in a
value become escapes. The command prints the message and ends with `exit_code`.
Bugs in the package raise other exceptions, for example `AssertionError`, and keep their traceback.
"""

from multibox.words import escaped


class MultiboxError(Exception):
    """Base class of all errors that users can cause and fix."""

    exit_code = 1

    def __str__(self) -> str:
        return escaped(super().__str__())


class UsageError(MultiboxError):
    """An unknown option or name, or options that contradict each other."""

    exit_code = 2


class ProcessError(MultiboxError):
    """Another process of the same command cannot be reached, ended or hangs, so this one cannot continue."""


class ShortMemoryError(MultiboxError):
    """There is not enough memory for an input that is not damaged."""


class StoppedError(MultiboxError):
    """A signal ended a run after a checkpoint; the run can be resumed."""

    def __init__(self, message: str, *, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class InputError(MultiboxError):
    """An input cannot be used."""


class DataError(InputError):
    """A data set, an annotation file or an image cannot be used."""


class WeightsError(InputError):
    """A weight file does not fit or is damaged, or its download failed."""


class TrainingError(InputError):
    """A run cannot continue: its loss is not finite, or its folder belongs to another run."""
