# SPDX-License-Identifier: Apache-2.0
"""Certificates for one story, made by openssl at run time: an authority, and what can be wrong with a server's certificate."""
import collections
import os
import subprocess

import peers

Certificate = collections.namedtuple("Certificate", "chain key")


def _openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr[-800:]}")


def _authority(folder, name):
    _openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
        f"/CN={name} authority", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
        "-keyout", f"{name}-ca.key", "-out", f"{name}-ca.pem")
    return Certificate(os.path.join(folder, f"{name}-ca.pem"), os.path.join(folder, f"{name}-ca.key"))


def _issue(folder, authority, name, names, *dates):
    _openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
        f"{name}.key", "-out", f"{name}.csr")
    with open(os.path.join(folder, f"{name}.ext"), "w") as file:
        file.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n")
    # `x509 -req` cannot set a start date; `ca` can, and needs its small database.
    for file in (f"{name}.index", f"{name}.index.attr"):
        open(os.path.join(folder, file), "w").close()
    with open(os.path.join(folder, f"{name}.cnf"), "w") as file:
        file.write(
            f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/{name}.index\nnew_certs_dir={folder}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
    _openssl(
        folder, "ca", "-batch", "-notext", "-config", f"{name}.cnf", "-cert", authority.chain, "-keyfile", authority.key,
        "-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.ext", *(dates or ("-days", "7")))
    return Certificate(os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key"))


def make(folder, host=peers.HOST, **more):
    """By name: `authority`, `valid`, `expired`, `wrong-host`, `unknown-authority` and `client`; `more` gives further ones the names
    that they are for, like `domain="DNS:pbx.example"`."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    here = f"IP:{host},IP:::1,DNS:localhost"
    ours, theirs = _authority(folder, "interop"), _authority(folder, "foreign")
    return {
        "authority": ours,
        "valid": _issue(folder, ours, "valid", here),
        "client": _issue(folder, ours, "client", "DNS:client.example"),
        "expired": _issue(folder, ours, "expired", here, "-startdate", "20240101000000Z", "-enddate", "20240201000000Z"),
        "wrong-host": _issue(folder, ours, "wrong-host", "DNS:other.example"),
        "unknown-authority": _issue(folder, theirs, "unknown-authority", here),
        **{name: _issue(folder, ours, name, names) for name, names in more.items()},
    }
