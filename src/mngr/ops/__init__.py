"""What mngr does, as a Python API: `Mngr` holds the configuration, functions take it first.

from mngr.ops.context import Mngr
from mngr.ops.create import create
from mngr.ops.request import CreateRequest
from mngr.ops.listing import list_hosts
"""
