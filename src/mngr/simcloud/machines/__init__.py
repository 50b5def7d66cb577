"""The machines behind a simulated cloud's instances."""
