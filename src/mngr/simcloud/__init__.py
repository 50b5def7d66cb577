"""Simulated clouds whose machines are real.

Each vendor's HTTP API, spoken to the vendor's own rules, in front of machines that boot, take SSH and
run Docker. What goes wrong at real clouds can be ordered here: lost answers, lagging lists, throttling,
machines that never come up. It bills by a clock that tests can move. See README.md in this folder.

It imports model/ and qemu/ only, and shares no code with the clients it tests.
"""
