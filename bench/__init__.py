"""What mngr costs, as ratios to the bare thing, measured inside one run: `make bench`."""
