"""A model's server that a test plays: what it answers is written in the message itself (script.py); programs reach it in their own
dialects (dialects.py). One serves all programs, each by a key of its own.

    python -m programs.model HOST:PORT     (from tests/) serves until it is ended, and prints a line for each question
"""
