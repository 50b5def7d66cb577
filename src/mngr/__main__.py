"""`python -m mngr`."""

from mngr.cli.main import main

main()
