"""The crash driver: kills mngr between every two outside calls of every verb, and looks at what is left.

It finds the points itself: a clean run is recorded, then run again and killed before call 1, after call 1,
before call 2, and so on. No file of mngr knows of it. `suite` shares the points out, `drive` does a verb at a
point, `checks` says what must be true afterwards, `traced` shows with strace that no call was missed.
"""

from mngr.testing.crash.suite import drive_part, gc_part, hold_part, rename_part, snapshot_part

__all__ = ["drive_part", "gc_part", "hold_part", "rename_part", "snapshot_part"]
