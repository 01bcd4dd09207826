"""Settings of every test: one thread, so that several runs can share a machine, and the same examples each time."""

import signal

import hypothesis
import torch

torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts the suite in the background ignores it
hypothesis.settings.register_profile("multibox", deadline=None, derandomize=True, max_examples=60, database=None)
hypothesis.settings.load_profile("multibox")
