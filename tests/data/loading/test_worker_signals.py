"""Workers leave stopping to their parent."""

import os
import signal

from multibox.data.loading.worker import leave_stopping_to_parent
from together import forks


@forks
def test_workers_survive_what_a_terminal_or_a_scheduler_sends_once():
    """A process is alive after two Ctrl-C and one SIGTERM, and ended by a second SIGTERM."""
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        leave_stopping_to_parent()
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        os.write(tell, b".")
        signal.pause()
        os._exit(0)
    assert os.read(ready, 1) == b"."
    os.kill(child, signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
