"""What a run raises when SIGINT (Ctrl-C) or SIGTERM ended it with a checkpoint."""

import signal

NOTICE = "stopping after this step; a second signal stops immediately"


class Stopped(KeyboardInterrupt):
    """Raised when a signal ended a run; the checkpoint of `step` is written.

    It is a KeyboardInterrupt, because Ctrl-C in a loop that calls `train` is meant for the loop.
    """

    def __init__(self, *, step: int, number: int) -> None:
        self.step, self.number = step, number
        super().__init__(f"stopped after step {step} by {signal.Signals(number).name}; continue with resume=True")
