#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Independent judge of digest authentication (RFC 7616, RFC 8760): Python's hashlib, sharing nothing with our code.

Reads one case per line, fields separated by tabs, each in hexadecimal, and answers one line per case:
  verify METHOD BODY USER PASSWORD HEADERVALUE            -> ok | bad, what was expected
  make METHOD BODY USER PASSWORD REALM NONCE URI ALGORITHM QOP NC CNONCE -> a header value (QOP empty: legacy form)
"""
import hashlib
import re
import sys

NAMES = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}


def response(method, body, user, password, realm, nonce, uri, algorithm, qop, nc, cnonce):
    base = algorithm.lower()
    session = base.endswith("-sess")
    name = NAMES[base[:-5] if session else base]

    def h(*fields):
        return hashlib.new(name, b":".join(fields)).hexdigest().encode()

    a1 = h(user, realm, password)
    if session:
        a1 = h(a1, nonce, cnonce)
    if qop == b"auth-int":
        a2 = h(method, uri, hashlib.new(name, body).hexdigest().encode())
    else:
        a2 = h(method, uri)
    return h(a1, nonce, nc, cnonce, qop, a2) if qop else h(a1, nonce, a2)


def verify(method, body, user, password, value):
    fields = {}
    for match in re.finditer(rb'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', value):
        fields[match.group(1).lower()] = match.group(2) if match.group(2) is not None else match.group(3)
    if re.sub(rb"\\(.)", rb"\1", fields[b"username"]) != user:
        return b"bad username " + fields[b"username"]
    expected = response(
        method, body, user, password, fields[b"realm"], fields[b"nonce"], fields[b"uri"],
        fields.get(b"algorithm", b"MD5").decode(), fields.get(b"qop", b""), fields.get(b"nc", b""),
        fields.get(b"cnonce", b""))
    return b"ok" if expected == fields[b"response"] else b"bad expected " + expected


def make(method, body, user, password, realm, nonce, uri, algorithm, qop, nc, cnonce):
    quoted = user.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    parts = [
        b'username="' + quoted + b'"', b'realm="' + realm + b'"', b'nonce="' + nonce + b'"', b'uri="' + uri + b'"',
        b"algorithm=" + algorithm,
        b'response="' + response(method, body, user, password, realm, nonce, uri, algorithm.decode(), qop, nc, cnonce) + b'"',
    ]
    if qop:
        parts += [b"qop=" + qop, b"nc=" + nc]
    if qop or algorithm.lower().endswith(b"-sess"):
        parts.append(b'cnonce="' + cnonce + b'"')
    return b"Digest " + b",".join(parts)


for line in sys.stdin.read().splitlines():
    command, *rest = line.split("\t")
    fields = [bytes.fromhex(field) for field in rest]
    print((verify if command == "verify" else make)(*fields).decode())
