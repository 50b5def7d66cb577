"""An agent's life, from Python: `python examples/first_life.py [PROVIDER]`, here or (docker) in a container."""

import sys

from mngr import Mngr

mngr = Mngr(progress=lambda told: print("…", told, file=sys.stderr))
agent = mngr.create("first", provider=sys.argv[1] if sys.argv[1:] else "local", command=["sleep", "1000"])
print(f"{agent.name} is {agent.state} on {agent.host.name}.{agent.host.provider}")

for one in mngr.list():
    print(one.name, one.state, one.host.state)

done = agent.exec("echo hello; exit 3")
print(done.code, done.text.strip())

agent.stop()
print(f"after a stop: {agent.state}, its host {agent.host.state}")
agent.start()
print(f"after a start: {agent.state}, its host {agent.host.state}")
print("its host is gone, too" if agent.destroy().host_gone else "its host stays")
