import sys
import threading

from .server import ModelServer

host, _, port = sys.argv[1].rpartition(":")
print(ModelServer(host, int(port), loud=True).url, flush=True)
threading.Event().wait()
