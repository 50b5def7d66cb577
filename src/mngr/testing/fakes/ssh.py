"""A fake `ssh`: no network, no cipher, but the same questions. Is the machine up, does sshd listen, is the host key
that it has loaded among the pinned ones, is our key among the authorized ones? Then the command runs in there.

It reads the config that it is given (-F), as OpenSSH would for these words: Host, HostName, Port, User,
IdentityFile, UserKnownHostsFile, StrictHostKeyChecking. Anything else that would weaken a check is refused.
"""

from __future__ import annotations

import marshal
import os
import sys

from become import Become

FAKES = os.environ.get("MNGR_FAKES", "")
FLAGS = "46AaCfGgKkMNnqsTtVvXxYy"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(argv: list[str]) -> int:
    options, config, master, rest = _read(argv)
    if not rest:
        return _fail("usage: ssh [-F configfile] destination [command]")
    user, at, alias = rest[0].rpartition("@")
    settings = {**_config(config, alias), **options}
    if at:
        settings["user"] = user
    if master in ("exit", "stop", "check"):
        return 0
    words = rest[2:] if rest[1:2] == ["--"] else rest[1:]
    return _connect(settings, alias, " ".join(words))


def _read(argv: list[str]) -> tuple[dict[str, str], str, str, list[str]]:
    options: dict[str, str] = {}
    config, master, left = "", "", list(argv)
    while left and left[0].startswith("-") and left[0] != "--":
        word = left.pop(0)
        letter, value = word[1], word[2:]
        if letter in FLAGS:
            if word[1:].startswith("V"):
                print("OpenSSH_9.2p1 Fake", file=sys.stderr)
                sys.exit(0)
            continue
        value = value or left.pop(0)
        if letter == "F":
            config = value
        elif letter == "o":
            key, _, setting = value.replace(" ", "=", 1).partition("=")
            options[key.lower()] = setting
        elif letter == "O":
            master = value
        elif letter in "pil":
            options[{"p": "port", "i": "identityfile", "l": "user"}[letter]] = value
    if left[:1] == ["--"]:
        left.pop(0)
    return options, config, master, left


def _config(path: str, alias: str) -> dict[str, str]:
    """The first value of each setting that stands under `Host alias` or at the top, as ssh_config(5) says."""
    found: dict[str, str] = {}
    applies = True
    if not path:
        sys.exit(_fail("fake ssh: no -F: a config of its own is expected"))
    try:
        with open(path) as file:
            lines = file.read().splitlines()
    except OSError as error:
        sys.exit(_fail(f"Can't open user config file {path}: {error.strerror}"))
    for line in lines:
        words = _words(line)
        if not words or words[0].startswith("#"):
            continue
        key = words[0].lower()
        if key == "host":
            applies = alias in words[1:] or "*" in words[1:]
        elif applies:
            found.setdefault(
                key, line.strip()[len(key) :].strip() if key == "userknownhostsfile" else " ".join(words[1:])
            )
    return found


def _words(text: str) -> list[str]:
    """Words between spaces; double quotes keep what is in them together."""
    parts = text.split('"')
    return [word for i, part in enumerate(parts) for word in ([part] if i % 2 else part.split())]


def _connect(settings: dict[str, str], alias: str, command: str) -> int:
    address, port = settings.get("hostname", alias), settings.get("port", "22")
    accept_new = settings.get("stricthostkeychecking") == "accept-new" and settings.get("user") != "root"
    if settings.get("stricthostkeychecking") not in ("yes", "true") and not accept_new:
        return _fail("fake ssh: StrictHostKeyChecking isn't yes")
    place = _place(address, port)
    if place is None:
        return _fail(f"ssh: connect to host {address} port {port}: Connection refused")
    enter, root = place
    try:
        with open(f"{root}/run/sshd.fake") as file:
            shown, allowed, user_env, _ = file.read().splitlines()
    except (OSError, ValueError):
        return _fail(f"ssh: connect to host {address} port {port}: Connection refused")
    known = settings.get("userknownhostsfile", "")
    user = settings.get("user", "root")
    if accept_new and not _pinned(known, address, port):
        with open(_words(known)[0].replace("%%", "%"), "a") as file:
            file.write(f"{address if port == '22' else f'[{address}]:{port}'} {shown}\n")
    if shown not in _pinned(known, address, port):
        return _fail("Host key verification failed.")
    home = "/root" if user == "root" else f"/home/{user}"
    line = _authorized(settings, root, allowed, home)
    if not line:
        return _fail(f"{user}@{address}: Permission denied (publickey).")
    env = {
        "PATH": PATH,
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/sh",
        "SSH_CONNECTION": f"127.0.0.1 1 {address} {port}",
    }
    if user_env == "yes":
        env.update(_user_environment(root))
    here = ["/usr/bin/env", "-i", "-C", home, *(f"{key}={value}" for key, value in env.items())]
    if 'command="' in line:
        print("Please login as another user rather than root.", file=sys.stderr)
        return 142
    raise Become([*enter, *here, "/bin/sh", *(["-c", command] if command else ["-l"])])


def _place(address: str, port: str) -> tuple[list[str], str] | None:
    """How to get in, and where its root is: of the machine at `address`, or of the container that has `port` there."""
    try:
        with open(os.path.join(FAKES, "addresses", address)) as file:
            top = file.read().strip()
        with open(f"{top}/pid") as file:
            pid = file.read().split()[0]
    except (OSError, IndexError):
        return None
    port = _forwarded(address, port)
    root = f"/proc/{pid}/root"
    if not os.path.isdir(f"{root}/proc/1"):
        return None
    enter = ["nsenter", "-t", pid, "-m", "-p", "-u", "-r"]
    if port == "22":
        return enter, root
    inner = _published(f"{root}/var/lib/docker/containers", f"{root}/proc", port)
    within = f"{root}/proc/{inner}/root"
    try:
        # What starts has the machine's root, and the machine's sshd in it, for a moment.
        if not inner or os.path.samefile(within, root):
            return None
    except OSError:
        return None
    return [*enter, "nsenter", "-t", inner, "-m", "-p", "-u", "-r"], within


def _forwarded(address: str, port: str) -> str:
    """Which port of the machine's one of its address leads to, if it isn't the same."""
    try:
        with open(os.path.join(FAKES, "addresses", f"{address}:{port}")) as file:
            return file.read().strip()
    except OSError:
        return port


def _published(folder: str, proc: str, port: str) -> str:
    """The process id (on the machine) of the running container whose port 22 is `port` there.

    A file that was left by an earlier boot names a process that is something else by now.
    """
    for id in os.listdir(folder) if os.path.isdir(folder) else []:
        try:
            with open(f"{folder}/{id}/ports", "rb") as file:
                ports = marshal.load(file)
            with open(f"{folder}/{id}/pid") as file:
                pid, born = file.read().split()
            with open(f"{proc}/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[19] != born:
                    continue
        except (OSError, IndexError, ValueError, EOFError):
            continue
        if any(one["HostPort"] == port for found in ports.values() for one in found):
            return pid
    return ""


def _pinned(files: str, address: str, port: str) -> set[str]:
    name = address if port == "22" else f"[{address}]:{port}"
    found = set()
    for path in _words(files):
        try:
            with open(path.replace("%%", "%")) as file:
                for line in file:
                    hosts, _, key = line.strip().partition(" ")
                    if name in hosts.split(","):
                        found.add(" ".join(key.split()[:2]))
        except OSError:
            continue
    return found


def _authorized(settings: dict[str, str], root: str, allowed: str, home: str) -> str:
    """The line that lets our public key in, whose private half we have; "" if there is none."""
    private = settings.get("identityfile", "").replace("%%", "%")
    try:
        if os.stat(private).st_mode & 0o077:
            print(f"Permissions for '{private}' are too open.", file=sys.stderr)
            return ""
        with open(f"{private}.pub") as file:
            ours = file.read().split()[:2]
        # An absolute path inside is below `root` for us.
        path = allowed.split()[0]
        with open(root + (path if path.startswith("/") else f"{home}/{path}")) as file:
            for line in file:
                # Options of sshd(8), AUTHORIZED_KEYS, come before the key.
                bare = line[line.find(ours[0]) :] if ours and ours[0] in line else line
                if ours and ours == bare.split()[:2]:
                    return line
    except OSError:
        pass
    return ""


def _user_environment(root: str) -> dict[str, str]:
    try:
        with open(f"{root}/root/.ssh/environment") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except OSError:
        return {}


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 255
