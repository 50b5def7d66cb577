"""A fake `docker`: client and daemon in one, stateful, as much of it as hosts in containers need.

Containers are processes in namespaces of their own over overlay mounts of the file system below, so what runs in
them is real. The rest (networks, limits, registries) isn't there. It needs no daemon. A test of a host starts it some
thirty times, so it takes care to start fast: this file, which Python compiles each time, does no more than this; json,
re, subprocess and the like are imported by who needs them; what it keeps is in marshal's format.
"""

from commands import run

run()
