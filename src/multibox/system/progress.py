"""The type of the callbacks through which long work reports its progress."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the number of finished units and their total."""
