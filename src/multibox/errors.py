"""What goes wrong because of what the user gave, as a tree.

MultiboxError
├── UsageError      an option, a name or a combination that does not exist          exit code 2
├── ProcessError    another process of the same command ended or hangs              exit code 1
├── StoppedError    a run that a signal ended in good order                         exit code 128 + signal
└── InputError      something given is not what it has to be                         exit code 1
    ├── DataError       a data set, an annotation or an image
    ├── WeightsError    a weight file or a download
    └── TrainingError   a run that cannot go on

Every message is one line: the value received, the rule, the next step. The command prints it and ends with `exit_code`;
mistakes inside the package stay `AssertionError` or `ValueError` and keep their traceback.
"""


class MultiboxError(Exception):
    """Root of all errors that users can cause and repair."""

    exit_code = 1


class UsageError(MultiboxError):
    """An option, a name or a combination that does not exist."""

    exit_code = 2


class ProcessError(MultiboxError):
    """Another process of the same command ended, so that this one cannot go on."""


class StoppedError(MultiboxError):
    """A run that a signal ended in good order: it can go on."""

    def __init__(self, message: str, *, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class InputError(MultiboxError):
    """Something given is not what it has to be."""


class DataError(InputError):
    """A data set, an annotation file or an image that cannot be used."""


class WeightsError(InputError):
    """A weight file that does not fit, is not what it claims, or could not be downloaded."""


class TrainingError(InputError):
    """A run that cannot go on: a loss that is not finite, a folder that belongs to another run."""
