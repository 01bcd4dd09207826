"""`python -m multibox`, for launchers such as torchrun."""

import sys

from multibox.cli import main

if __name__ == "__main__":
    sys.exit(main())
