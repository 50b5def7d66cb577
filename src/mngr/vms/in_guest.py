#!/usr/bin/python3
"""Runs in a VM, as root, at each boot, before its users may log in: adds keys to those that they have, and takes keys away.
In a copy of another VM it gives it a machine id of its own, first.

cloud-init runs it as a boothook of the vendor data. What is to change is data in its last line, which the host writes anew;
each change is carried out once, so what the VM's owner does with the file meanwhile stays. Any Python from 3.6 on will do.
"""

import base64
import hashlib
import json
import os
import pwd
import subprocess
import sys

MARK = "#mngr-keys-2 "
STATE = "/var/lib/mngr/keys.json"
# https://www.freedesktop.org/software/systemd/man/latest/machine-id.html; D-Bus's is mostly a link to the first
MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")


def main(script, state_path=STATE):
    wanted = read(script)
    state = load(state_path)
    if state.get("vm") != wanted["vm"]:
        if state.get("vm"):  # this is a copy of another VM
            try:
                set_machine_id(wanted["vm"].replace("-", ""))
            except OSError as problem:
                sys.stderr.write(f"mngr: the machine id stays that of another VM: {problem}\n")
        state = {"vm": wanted["vm"]}
    before = json.dumps(state, sort_keys=True)
    if not wanted["user"] and not state.get("user"):
        state["user"] = default_user()
    done, left = set(state.get("done", [])), {}
    for change in wanted["changes"]:
        if change["serial"] in done:
            continue
        user = change["user"] or wanted["user"] or state["user"]
        try:
            change_as(user, change.get("key"), change.get("sha256"))
            done.add(change["serial"])
        except (KeyError, OSError) as problem:  # a user who isn't there may come: the next boot tries again
            left[str(change["serial"])] = f"user {user!r}: {problem}"
    state["done"] = sorted(done & {change["serial"] for change in wanted["changes"]})
    state["left"] = left
    if json.dumps(state, sort_keys=True) != before:
        save(state_path, state)


def read(script):
    """The data in the last line."""
    with open(script, encoding="ascii", errors="replace") as file:
        lines = [line for line in file if line.startswith(MARK)]
    return json.loads(base64.b64decode(lines[-1].split()[2]).decode())


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def save(path, state):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(path + ".new", path)


def set_machine_id(id):
    """As systemd makes it of a VM's UUID at its first boot."""
    for path in {os.path.realpath(one) for one in MACHINE_IDS if os.path.exists(one)}:
        with open(path + ".new", "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o444)
            file.write(id + "\n")
        os.replace(path + ".new", path)


def default_user():
    """Whom cloud-init gives its keys to; empty if that can't be told."""
    try:
        from cloudinit.distros import ug_util  # type: ignore[import-not-found]
        from cloudinit.stages import Init  # type: ignore[import-not-found]

        init = Init()
        init.read_cfg()
        users, _ = ug_util.normalize_users_groups(init.cfg, init.distro)
        return ug_util.extract_default(users)[0] or ""
    except Exception as problem:  # it is another version's
        sys.stderr.write(f"mngr: cloud-init's default user can't be told: {problem!r}\n")
        return ""


def change_as(user, key, gone):
    """As that user, so no link leads elsewhere. Raises KeyError if there is none, OSError."""
    person = pwd.getpwnam(user)
    child = os.fork()
    if not child:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(person.pw_gid)
                os.setuid(person.pw_uid)
            change(os.path.join(person.pw_dir, ".ssh"), key, gone)
            code = 0
        except Exception as problem:
            sys.stderr.write(f"mngr: {problem!r}\n")
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise OSError("the file of keys can't be changed")
    if os.path.exists("/usr/sbin/restorecon"):
        subprocess.call(["/usr/sbin/restorecon", "-RF", os.path.join(person.pw_dir, ".ssh")])


def digest(line):
    """Of a line's words."""
    return hashlib.sha256(" ".join(line.split()).encode("utf-8", "surrogateescape")).hexdigest()


def change(folder, key, gone):
    """One line more in `authorized_keys`, or without that of a digest; the other lines stay as they are."""
    path = os.path.realpath(os.path.join(folder, "authorized_keys"))
    text, mode = "", 0o600
    if os.path.exists(path):
        mode = os.stat(path).st_mode & 0o777
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    if key:
        if any(line.split()[:2] == key.split()[:2] for line in text.splitlines()):
            return
        new = text + ("\n" if text and not text.endswith("\n") else "") + key + "\n"
    else:
        new = "".join(line for line in text.splitlines(True) if digest(line) != gone)
        if new == text:
            return
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
    part = path + ".mngr"
    with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
        os.fchmod(file.fileno(), mode)
        file.write(new)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


if __name__ == "__main__":
    main(os.path.abspath(__file__))
