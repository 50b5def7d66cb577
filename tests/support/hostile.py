"""Requests that nobody honest sends to the VM service, as bytes on the wire; each has a name that says what is wrong with it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mngr.vmservice.actions import ACTIONS

IMAGE = "https://images.test/a.img"
#: A redirect's start: a server that looks public, and sends on to wherever its path says.
SHOP = "http://shop.test:{port}"
SHA = "0" * 64
LONG = "a" * 5000
JSON = "application/json"


@dataclass(frozen=True)
class Case:
    """`raw` stands for the whole request; `token`: None sends a good one, else that header's value, or "" none."""

    name: str
    method: str = "POST"
    path: str = "/api/vms"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", JSON),)
    raw: bytes = b""
    token: str | None = None

    def wire(self, token: str, port: int, shop: int) -> bytes:
        good = f"Bearer {token}".encode()
        if self.raw:
            return self.raw.replace(b"@TOKEN@", good).replace(b"\n", b"\r\n")
        body = self.body.replace(b"@SHOP@", str(shop).encode())
        rows = [("Host", f"127.0.0.1:{port}"), ("Connection", "close"), *self.headers]
        if self.token != "":
            rows.append(("Authorization", good.decode() if self.token is None else self.token))
        given = {name.lower() for name, _ in rows}
        if body and not given & {"content-length", "transfer-encoding"}:
            rows.append(("Content-Length", str(len(body))))
        head = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in rows), "", ""]
        return "\r\n".join(head).encode("latin-1") + body


def cases() -> list[Case]:
    made = [
        *_names(), *_fields(), *_urls(), *_json(), *_methods(), *_queries(), *_headers(), *_tools(), *_wire(), *_tokens(),
    ]  # fmt: skip
    twice = {one.name for one in made if [other.name for other in made].count(one.name) > 1}
    assert not twice, twice
    return made


# --- names and paths ----------------------------------------------------------------------------------------------

#: As texts; in a path they are written with %XX.
NAMES = {
    "empty": "", "blank": " ", "dot": ".", "dots": "..", "up": "../x", "up far": "../../../../etc/passwd", "absolute": "/etc/passwd",
    "backslash": "..\\x", "blank inside": "a b", "newline": "a\n", "return": "a\r\nX: y", "tab": "a\tb", "NUL": "a\0b",
    "dash first": "-rf", "underscore first": "_a", "long": "a" * 64, "overlong": LONG, "not ASCII": "ä", "wide digits": "１２",
    "right to left": "\u202eexe", "zero width": "a\u200bb", "emoji": "🔥", "XML tag": "</name><disk/>", "XML entity": "&amp;",
    "XML external": '<!ENTITY x SYSTEM "file:///etc/passwd">', "CDATA": "<![CDATA[x]]>", "quotes": "'\"", "shell": "$(id)",
    "backticks": "`id`", "semicolon": "a;b", "pipe": "a|b", "glob": "*", "brace": "{name}", "percent": "%s%n",
    "template": "{{7*7}}", "SQL": "' OR 1=1 --", "YAML": "a: b", "YAML tag": "!!python/object:x", "comma": "a,b", "equals": "a=b",
    "tilde": "~root", "colon": "C:", "private": "key.pub", "hidden": ".ssh",
}  # fmt: skip


def _names() -> Iterator[Case]:
    """In the path of each endpoint that has a name there; a handful in each, all in one of them."""
    few = ["dots", "up far", "newline", "NUL", "dash first", "long", "not ASCII", "XML tag", "glob"]
    for action in ACTIONS:
        if "{" not in action.path:
            continue
        for what in NAMES if action.name in ("vm_delete", "ssh_key_public") else few:
            if NAMES[what] in ("", "{name}"):
                continue
            path = re.sub(r"\{\w+\}", lambda _, what=what: quote(NAMES[what], safe=""), action.path)
            yield Case(f"{action.name}: {what} in the path", action.method, path)
    for name, path in {
        "%2F": "/api/vms%2Ftest", "%2f": "/api/vms/test%2fstop", "%5C": "/api/vms/..%5Cx", "%00": "/api/vms/test%00",
        "twice encoded": "/api/vms/%252e%252e", "overlong UTF-8": "/api/vms/%c0%ae%c0%ae", "bad escape": "/api/vms/%zz",
        "cut escape": "/api/vms/%", "surrogate": "/api/vms/%ED%A0%80", "UTF-16": "/api/vms/%00t%00e", "dots in": "/api/x/../vms/test",
        "two slashes": "//api/vms/test", "slash last": "/api/vms/test/", "list, slash last": "/api/vms/", "upper case": "/API/VMS",
        "matrix": "/api/vms;x=1", "public's up": "/api/ssh-keys/..%2f..%2fetc%2fpasswd/public", "newline": "/api/vms/test%0A",
        "a file": "/etc/passwd", "git": "/.git/config", "env": "/.env", "docs": "/docs", "admin": "/admin", "all keys": "/api/ssh-keys/*",
        "private half": "/api/ssh-keys/present/private", "private as a name": "/api/ssh-keys/present.pub/public",
        "overlong": "/" + "a" * 60_000, "deep": "/a" * 2000,
    }.items():  # fmt: skip
        yield Case(f"GET path: {name}", "GET", path)
    yield Case("POST path: stop, %2F", path="/api/vms/test%2Fstop")
    yield Case("POST path: stop, newline", path="/api/vms/test/stop%0A")
    yield Case("POST path: stop, two slashes", path="/api/vms/test//stop")


# --- fields -------------------------------------------------------------------------------------------------------

TYPES: dict[str, Any] = {"null": None, "list": [], "object": {}, "list in it": [["a"]]}
NUMBERS: dict[str, Any] = {
    "negative": -1, "zero": 0, "huge": 2**40, "beyond 64 bits": 2**64, "60 digits": 10**59, "negative huge": -(2**63), "text": "2",
    "half": 2.5, "exponent": 1e300, "true": True, "blank text": " 2 ", "hexadecimal": "0x2", "no number": "NaN",
}  # fmt: skip
KEYS = {
    "no key": "x", "kind alone": "ssh-rsa", "two lines": "ssh-ed25519 AAAA\nssh-rsa BBBB", "not base64": "ssh-rsa !!!!",
    "other data": "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAABAQ==", "private": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "options": 'command="id" ssh-ed25519 AAAA', "NUL": "ssh-rsa AAAA\0", "YAML": "ssh-rsa AAAA\n  - x: y", "overlong": LONG * 4,
    "another kind": "ssh-dss AAAAB3NzaC1kc3M=", "certificate": "ssh-rsa-cert-v01@openssh.com AAAA", "empty": "",
}  # fmt: skip


def _fields() -> Iterator[Case]:
    create = {"name": "one", "imageUrl": IMAGE}
    for what, text in NAMES.items():
        yield _sent(f"create: name {what}", {**create, "name": text})
        yield _sent(f"generate: name {what}", {"name": text}, "/api/ssh-keys")
    for what, text in NAMES.items():
        if what in ("underscore first", "hidden", "private", "long"):
            continue
        yield _sent(f"create: network {what}", {**create, "network": text})
        yield _sent(f"create: user {what}", {**create, "user": text})
        yield _sent(f"create: sshKeys {what}", {**create, "sshKeys": [text]})
    for field in ("memory", "vcpus", "diskSize"):
        for what, value in {**NUMBERS, **TYPES}.items():
            if (field, what) != ("memory", "exponent"):
                yield _sent(f"create: {field} {what}", {**create, field: value})
    for what, value in {**NUMBERS, **TYPES}.items():
        if what not in ("zero",):
            yield _sent(f"stop: timeout {what}", {"timeout": value}, "/api/vms/test/stop")
    for field in ("name", "network", "imageUrl", "imageSha256", "user", "sshKeys", "publicKeys", "autostart"):
        for what, value in {**TYPES, "number": 7}.items():
            optional = {
                ("imageUrl", "null"),
                ("imageSha256", "null"),
                ("user", "null"),
                ("sshKeys", "list"),
                ("publicKeys", "list"),
            }
            if (field, what) not in optional:
                yield _sent(f"create: {field} {what}", {**create, field: value})
    yield _sent("create: imageUrl null", {"name": "one", "imageUrl": None})
    for what, text in KEYS.items():
        yield _sent(f"create: publicKeys {what}", {**create, "publicKeys": [text]})
    for what, text in {
        "short": "0" * 63,
        "long": "0" * 65,
        "no hex": "z" * 64,
        "newline": SHA + "\n",
        "prefix": "sha256:" + SHA,
    }.items():
        yield _sent(f"create: imageSha256 {what}", {**create, "imageSha256": text})
    for what, text in {
        "root": "root",
        "upper case": "Root",
        "digit first": "0a",
        "sudo": "a ALL=(ALL) NOPASSWD:ALL",
    }.items():
        yield _sent(f"create: user {what}", {**create, "user": text})
    for what, value in {"text": "true", "one": 1, "yes": "yes"}.items():
        yield _sent(f"create: autostart {what}", {**create, "autostart": value})
        yield _sent(f"stop: force {what}", {"force": value}, "/api/vms/test/stop")
    yield _sent("create: too many keys", {**create, "publicKeys": [KEYS["no key"]] * 65})
    yield _sent("create: too many names of keys", {**create, "sshKeys": ["present"] * 65})
    yield _sent("create: a key that isn't there", {**create, "sshKeys": ["none"]})
    yield _sent("create: over another's VM", {**create, "name": "test"})
    yield _sent("create: an unknown network", {**create, "network": "none"})
    for field in (
        "Name",
        "uuid",
        "image",
        "image_url",
        "userData",
        "__proto__",
        "constructor",
        "surprise",
        "kernel",
        "privateKeyPath",
    ):
        yield _sent(f"create: unknown field {field}", {**create, field: "x"})
    for what, text in {
        "newline": "a\nb", "YAML": "x\nssh_authorized_keys: [y]", "NUL": "a\0", "escape": "\x1b[2J", "long": "a" * 201,
        "right to left": "\u202e", "line separator": "a\u2028b",
    }.items():  # fmt: skip
        yield _sent(f"generate: comment {what}", {"name": "new", "comment": text}, "/api/ssh-keys")
    for what, value in {"dsa": "dsa", "upper case": "RSA", "option": "-f", "empty": "", **TYPES}.items():
        yield _sent(f"generate: type {what}", {"name": "new", "type": value}, "/api/ssh-keys")
    yield _sent("generate: over another", {"name": "present"}, "/api/ssh-keys")
    yield _sent("generate: unknown field", {"name": "new", "bits": 512}, "/api/ssh-keys")


# --- addresses of images ------------------------------------------------------------------------------------------

URLS = [
    "file:///etc/passwd", "file://localhost/etc/passwd", "ftp://images.test/a", "gopher://127.0.0.1:25/x", "data:text/plain,x",
    "javascript:x", "dict://127.0.0.1:11211/x", "nbd://127.0.0.1/x", "ssh://images.test/a", "json:{\"driver\":\"file\"}",
    "qcow2:/etc/passwd", "fat:/etc", "/etc/passwd", "//images.test/a", "images.test/a", "https:", "https://", "https:///a", "https:/a",
    "http://images.test/a.img", "https://u@images.test/a", "https://u:p@images.test/a", "https://@images.test/a",
    "https://images.test:0/a", "https://images.test:99999/a", "https://images.test:-1/a", "https://images.test:x/a",
    "https://127.0.0.1/a", "https://127.1/a", "https://2130706433/a", "https://0x7f000001/a", "https://0177.0.0.1/a",
    "https://0/a", "https://0.0.0.0/a", "https://localhost/a", "https://localhost./a", "https://LOCALHOST/a",
    "https://[::1]/a", "https://[::]/a", "https://[::ffff:127.0.0.1]/a", "https://[::ffff:7f00:1]/a", "https://[64:ff9b::7f00:1]/a",
    "https://[2002:7f00:1::]/a", "https://[fe80::1]/a", "https://[fe80::1%25eth0]/a", "https://[fc00::1]/a", "https://[ff02::1]/a",
    "https://[2001:db8::1]/a", "https://[::127.0.0.1]/a", "https://[::1/a", "https://::1/a", "https://10.0.0.1/a", "https://172.16.0.1/a",
    "https://192.168.0.1/a", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/a", "https://192.0.2.1/a",
    "https://198.18.0.1/a", "https://224.0.0.1/a", "https://240.0.0.1/a", "https://255.255.255.255/a", "https://192.88.99.1/a",
    "https://metadata.test/a", "https://both.test/a", "https://six.test/a", "https://images.test\\@10.0.0.1/a", "https://images.test /a",
    "https://images.test/a b", "https://images.test/\n", "https://images.test/\r\nX: y", "https://ｅxample.org/a", "https://bücher.test/a",
    "https://images.test/ä", "https://①②⑦.⓪.⓪.①/a", "https://127。0。0。1/a", "https://-a.test/a", "https://a..test/a", "https://.test/a",
    "https://" + "a" * 64 + ".test/a", "https://" + "a." * 130 + "test/a", "https://images.test/" + LONG, "https://images_test/a",
    "https://images.test/\"<x>", "https://images.test/`id`", "https://images.test/{a}", "https://images.test/|", " https://127.0.0.1/a",
    "https://127.0.0.1:22/a", "https://127.0.0.1/a#b", "https://127.0.0.1?a", "https://[v1.x]/a", "https://1.2.3.4.5/a", "https://256.1.1.1/a",
]  # fmt: skip

#: What the shop has: no image that may be used.
SOLD = {
    "/nothing": b"", "/other.img": b"\0" * 1024, "/vmdk": b"KDMV" + b"\1\0\0\0" * 200, "/page": b"<html>login</html>",
    "/script": b"#!/bin/sh\nid\n",
}  # fmt: skip
SENT_ON = [
    "https://127.0.0.1/a", "http://169.254.169.254/latest", "file:///etc/passwd", "https://[::1]/a", "ftp://images.test/a",
    "https://u:p@images.test/a", "//10.0.0.1/a", "https://metadata.test/a", "javascript:x", "https://0x7f000001/a",
]  # fmt: skip


def _urls() -> Iterator[Case]:
    for url in URLS:
        yield _sent(f"create: imageUrl {url[:60]!r}", {"name": "one", "imageUrl": url})
    for url in SENT_ON:
        start = f"{SHOP.format(port='@SHOP@')}/to?{quote(url, safe='')}"
        yield _sent(
            f"create: imageUrl sent on to {url}", {"name": "one", "imageUrl": start, "imageSha256": SHA}
        )
    for path in (*SOLD, "/none"):
        yield _sent(
            f"create: imageUrl has {path}",
            {"name": "one", "imageUrl": SHOP.format(port="@SHOP@") + path, "imageSha256": SHA},
        )


# --- JSON ---------------------------------------------------------------------------------------------------------

BODIES = {
    "none": b"", "a blank": b" ", "cut": b'{"name": "one"', "cut text": b'{"name": "on', "cut escape": b'{"name": "\\u00', "open": b"{",
    "a list": b"[]", "null": b"null", "true": b"true", "a number": b"7", "a text": b'"x"', "two objects": b'{"name":"one"}{"name":"two"}',
    "text after it": b'{"name":"one"} x', "one quote": b"{'name':'one'}", "no quotes": b"{name:1}", "comma last": b'{"name":"one",}',
    "comment": b'{"name":"one"/**/}', "key twice": b'{"name":"one","name":"two"}', "key twice, escaped": b'{"name":"one","n\\u0061me":"two"}',
    "key twice, inside": b'{"name":"one","x":{"a":1,"a":2}}', "NaN": b'{"name":"one","memory":NaN}',
    "Infinity": b'{"name":"one","memory":-Infinity}', "1e400": b'{"name":"one","memory":1e400}', "-1e400": b'{"name":"one","memory":-1e400}',
    "5000 digits": b'{"name":"one","memory":' + b"9" * 5000 + b"}", "a million digits": b'{"name":"one","memory":' + b"9" * 1_000_000 + b"}",
    "leading zero": b'{"name":"one","memory":0128}', "plus": b'{"name":"one","memory":+128}', "BOM": b'\xef\xbb\xbf{"name":"one"}',
    "UTF-16": '{"name":"one"}'.encode("utf-16"), "UTF-16 without BOM": '{"name":"one"}'.encode("utf-16-le"),
    "UTF-32": '{"name":"one"}'.encode("utf-32"), "not UTF-8": b'{"name":"\xff"}', "overlong UTF-8": b'{"name":"\xc0\xae"}',
    "raw NUL": b'{"name":"a\0b"}', "raw newline": b'{"name":"a\nb"}', "escaped NUL": b'{"name":"a\\u0000"}',
    "half a pair": b'{"name":"\\ud800"}', "half a pair as a key": b'{"name":"one","\\udfff":1}', "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000, "closed deep lists": b"[" * 500 + b"]" * 500,
    "deep inside": b'{"name":"one","x":' + b"[" * 60 + b"]" * 60 + b"}", "10 MB": b'{"name":"' + b"a" * 10_000_000 + b'"}',
    "10 MB of blanks": b" " * 10_000_000, "2 MB list": b'{"name":"one","sshKeys":[' + b"1," * 1_000_000 + b"1]}",
    "200,000 keys": b"{" + b",".join(b'"k%d":1' % one for one in range(80_000)) + b"}", "XML": b"<name>one</name>", "YAML": b"name: one",
    "a form": b"name=one", "gzip": b"\x1f\x8b\x08\x00\x00", "control": b'{"name":"one\x1b"}', "key empty": b'{"":1,"name":"one"}',
}  # fmt: skip
TAKES_NOTHING = ("none", "a blank")


def _json() -> Iterator[Case]:
    for what, body in BODIES.items():
        yield Case(f"create, body: {what}", body=body)
        yield Case(f"generate, body: {what}", path="/api/ssh-keys", body=body)
        if what != "none":
            yield Case(f"stop, body: {what}", path="/api/vms/test/stop", body=body)
    for action in ACTIONS:
        path = re.sub(r"\{\w+\}", "test", action.path)
        for what in ("a list", "key twice", "10 MB", "cut", "BOM"):
            yield Case(f"{action.name}, body: {what} ", action.method, path, BODIES[what])
        yield Case(f"{action.name}, body: unknown field", action.method, path, b'{"surprise": 1}')
    good = b'{"name":"new","type":"ed25519"}'
    for what, kind in {
        "none": None, "text": "text/plain", "a form": "application/x-www-form-urlencoded", "multipart": "multipart/form-data; boundary=x",
        "patch": "application/merge-patch+json", "problem": "application/problem+json", "XML": "text/xml", "any": "*/*", "empty": "",
        "UTF-16": "application/json; charset=utf-16", "nonsense": "\xff", "two": "text/plain, application/json", "overlong": "a" * 9000,
        "jsonp": "application/javascript", "like it": "application/jsonx",
    }.items():  # fmt: skip
        headers = () if kind is None else (("Content-Type", kind),)
        yield Case(f"generate, Content-Type: {what}", path="/api/ssh-keys", body=good, headers=headers)
    packed = (("Content-Type", JSON), ("Content-Encoding", "gzip"))
    yield Case("generate, Content-Encoding: gzip", path="/api/ssh-keys", body=good, headers=packed)


# --- methods, queries, headers ------------------------------------------------------------------------------------


def _methods() -> Iterator[Case]:
    paths = sorted(
        {re.sub(r"\{\w+\}", "test", one.path) for one in ACTIONS}
        | {"/tools", "/tools/vm_stop", "/healthz", "/openapi.json"}
    )
    for path in paths:
        has = {one.method for one in ACTIONS if re.sub(r"\{\w+\}", "test", one.path) == path}
        has |= {"/tools/vm_stop": {"POST"}}.get(path, set()) or ({"GET"} if not has else set())
        for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - has):
            yield Case(f"{method} {path}", method, path)
    for method in ("CONNECT", "PROPFIND", "get", "GETX", "A" * 1000):
        yield Case(f"method {method[:20]}", method, "/api/vms")


def _queries() -> Iterator[Case]:
    for what, query in {
        "unknown": "surprise=1", "name": "name=../x", "force": "force=true", "method": "_method=DELETE", "token": "token=x", "twice": "a=1&a=2",
        "NUL": "a=%00", "newline": "a=%0d%0aX:y", "overlong": "a=" + LONG, "no name": "=1", "PHP": "a[]=1", "XML": "a=<x/>", "bad escape": "%zz=1",
    }.items():  # fmt: skip
        yield Case(f"stop, query: {what}", path=f"/api/vms/test/stop?{query}")
        yield Case(f"list, query: {what}", "GET", f"/api/vms?{query}")
    yield Case("tool, query", path="/tools/vm_stop?name=test")


def _headers() -> Iterator[Case]:
    body = b'{"name":"new","type":"ed25519"}'

    def sent(name: str, *headers: tuple[str, str]) -> Case:
        return Case(name, path="/api/ssh-keys", body=body, headers=(("Content-Type", JSON), *headers))

    yield sent("two lengths", ("Content-Length", "2"), ("Content-Length", "31"))
    yield sent("length that is no number", ("Content-Length", "x"))
    yield sent("negative length", ("Content-Length", "-1"))
    yield sent("signed length", ("Content-Length", "+31"))
    yield sent("huge length", ("Content-Length", "9" * 40))
    yield sent("hexadecimal length", ("Content-Length", "0x1f"))
    yield sent("a list of lengths", ("Content-Length", "31, 2"))
    yield sent("short length", ("Content-Length", "5"))
    yield sent("length and chunks", ("Content-Length", "31"), ("Transfer-Encoding", "chunked"))
    yield dataclasses.replace(sent("no chunks", ("Transfer-Encoding", "chunked")), body=body + b"\r\n")
    yield sent("unknown transfer coding", ("Transfer-Encoding", "x"))
    yield sent("two transfer codings", ("Transfer-Encoding", "gzip, chunked"))
    yield sent("chunked twice", ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked"))
    yield sent("identity", ("Transfer-Encoding", "identity"))
    yield sent("two hosts", ("Host", "evil.test"))
    yield sent("200 kB of headers", *((f"X-{number}", "a" * 4000) for number in range(50)))
    yield sent("a huge header", ("X-A", "a" * 200_000))


def _wire() -> Iterator[Case]:
    body = b'{"name":"new","type":"ed25519"}'
    start = b"POST /api/ssh-keys HTTP/1.1\nHost: x\nAuthorization: @TOKEN@\nConnection: close\nContent-Type: application/json\n"
    length = b"Content-Length: 31\n\n" + body
    for what, raw in {
        "no host": start.replace(b"Host: x\n", b"") + length, "a folded header": start + b"X: a\n b\n" + length.replace(b"31", b"x"),
        "blank before a colon": start + b"X : a\n" + length, "no colon": start + b"nonsense\n" + length, "NUL in a header": start + b"X: a\0b\n" + length,
        "no version": b"GET /api/vms\n\n", "HTTP/9": b"GET /api/vms HTTP/9.9\nHost: x\n\n", "HTTP/2's start": b"PRI * HTTP/2.0\n\nSM\n\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\n\n", "SSH": b"SSH-2.0-OpenSSH_9.2\n\n", "nonsense": b"\x01\x02\x03\n\n",
        "blank target": b"GET  HTTP/1.1\nHost: x\n\n", "blank in the target": b"GET /api /vms HTTP/1.1\nHost: x\n\n",
        "bytes in the target": b"GET /api/\xff HTTP/1.1\nHost: x\n\n", "another's target": b"GET http://evil.test/api/x HTTP/1.1\nHost: x\nAuthorization: @TOKEN@\nConnection: close\n\n",
        "bad chunk": start + b"Transfer-Encoding: chunked\n\nzz\n", "negative chunk": start + b"Transfer-Encoding: chunked\n\n-1\n",
        "huge chunk": start + b"Transfer-Encoding: chunked\n\nfffffffffffffffffffff\n", "target *": b"OPTIONS * HTTP/1.1\nHost: x\nAuthorization: @TOKEN@\nConnection: close\n\n",
    }.items():  # fmt: skip
        yield Case(f"wire: {what}", raw=raw)


def _tokens() -> Iterator[Case]:
    for what, value in {
        "none": "", "another kind": "Basic eDp5", "kind alone": "Bearer", "blank": "Bearer  ", "unknown": "Bearer nonsense", "overlong": "Bearer " + LONG,
        "path": "Bearer ../tokens", "bytes": "Bearer \xff\xfe", "no kind": "nonsense", "two": "Bearer a, Bearer b", "hash": "Bearer " + "0" * 64, "null": "Bearer null",
        "wildcard": "Bearer *", "JWT without signature": "Bearer eyJhbGciOiJub25lIn0.e30.",
    }.items():  # fmt: skip
        for method, path in (("GET", "/api/vms"), ("POST", "/api/vms/test/stop"), ("POST", "/tools/vm_stop")):
            yield Case(f"token: {what}, {method} {path}", method, path, token=value)


# --- tools --------------------------------------------------------------------------------------------------------


def _tools() -> Iterator[Case]:
    for what, text in NAMES.items():
        if what not in ("empty",):
            yield Case(f"tool: {what}", path="/tools/" + quote(text, safe=""))
    for action in ACTIONS:
        if not action.tool:
            yield Case(f"tool: {action.name} is none", path=f"/tools/{action.name}", body=b"{}")
            continue
        for what in ("a list", "cut", "key twice", "NaN", "UTF-16", "deep lists", "10 MB"):
            yield Case(f"tool {action.name}, body: {what}", path=f"/tools/{action.name}", body=BODIES[what])
        yield _sent(f"tool {action.name}: unknown parameter", {"surprise": 1}, f"/tools/{action.name}")
        if "name" in action.request.model_fields:
            for what in ("up", "newline", "XML tag", "long", "NUL"):
                yield _sent(
                    f"tool {action.name}: name {what}", {"name": NAMES[what]}, f"/tools/{action.name}"
                )
    yield _sent("tool vm_create: over another's VM", {"name": "test", "imageUrl": IMAGE}, "/tools/vm_create")
    yield _sent(
        "tool vm_create: from loopback",
        {"name": "one", "imageUrl": "https://127.0.0.1/a"},
        "/tools/vm_create",
    )
    yield _sent("tool ssh_key_generate: over another", {"name": "present"}, "/tools/ssh_key_generate")


def _sent(name: str, body: Any, path: str = "/api/vms") -> Case:
    return Case(name, path=path, body=json.dumps(body).encode())
