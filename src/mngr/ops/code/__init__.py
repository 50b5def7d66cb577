"""Code on its way to a host. scan.py finds the trees of a directory (tree.py: one repository, or files in none), pack.py
makes a folder of files of each, and sending.py streams those to the host. (Commits come back by ops/pull.py.)"""

from mngr.ops.code.sending import Code, send

__all__ = ["Code", "send"]
