"""`python -m mngr`. What `mngr` starts is cli/mngr.sh."""

from mngr.cli.main import main

if __name__ == "__main__":
    main()
