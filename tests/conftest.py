"""What holds for every test: one thread, so that several runs share a machine well, and the same examples each time."""

import hypothesis
import pytest
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("multibox", deadline=None, derandomize=True, max_examples=60, database=None)
hypothesis.settings.load_profile("multibox")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that fork come first: a process in which engines have started threads of their own may not survive it."""
    items.sort(key=lambda item: not hasattr(getattr(item, "module", None), "forks"))
