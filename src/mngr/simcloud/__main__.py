"""`python -m mngr.simcloud`."""

import sys

from mngr.simcloud.cli import main

if __name__ == "__main__":
    sys.exit(main())
