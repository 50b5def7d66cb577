"""What mngr does. Its front door is `from mngr import Mngr` (ops/mngr.py, ops/agent.py, ops/host.py); the functions behind it, which the
command line calls, too, take what is configured first (ops/context.py). Answers are structs, never sentences.
"""
