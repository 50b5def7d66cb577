"""The verb that somebody may have meant."""

from collections.abc import Iterable

from mngr.model.guess import nearest

#: Words that other programs have for it.
SYNONYMS = {
    "create": "add launch make new run spawn up",
    "list": "agents all hosts show-all stat status top",
    "show": "describe get info inspect",
    "exec": "command do",
    "send": "ask message msg paste prompt say tell type write",
    "answer": "allow approve confirm deny permit reply respond yes no",
    "screen": "capture display peek snap-screen view",
    "transcript": "chat conversation dialog history messages record said",
    "connect": "attach enter join open shell ssh tmux",
    "wait": "await join poll until",
    "events": "changes history journal monitor notify watch",
    "stop": "down end halt kill pause quit shutdown suspend",
    "start": "boot continue reboot restart resume unpause wake",
    "destroy": "delete del erase purge release remove terminate uninstall",
    "rename": "move mv name",
    "label": "annotate labels tag",
    "gc": "clean cleanup prune sweep tidy",
    "snapshot": "backup image save snap snapshots",
    "pull": "download fetch get-code merge sync",
    "logs": "cat output tail",
    "vm": "libvirt vms virtual virsh",
    "config": "configuration configure conf init set settings setup",
    "type": "kind types agent-types",
    "plugin": "backends plugins providers",
    "ssh-config": "sshconfig",
    "completion": "autocomplete complete",
    "doctor": "check diagnose test verify",
    "help": "commands man usage verbs",
}


def verb(word: str, verbs: Iterable[str]) -> str:
    """The verb, or ""; a word of other programs', the beginning of a verb, or what looks like either."""
    verbs = list(verbs)
    meant = {name: name for name in verbs}
    meant |= {one: name for name, words in SYNONYMS.items() if name in verbs for one in words.split()}
    word = word.lower()
    begun = [name for name in verbs if word and name.startswith(word)]
    if word in meant:
        return meant[word]
    if len(begun) == 1:
        return begun[0]
    near = nearest(word, verbs, 0.65) or nearest(word, meant, 0.8)
    return meant[near] if near else ""
