"""`python -m multibox`, for launchers such as torchrun."""

from multibox.cli import main

main()
