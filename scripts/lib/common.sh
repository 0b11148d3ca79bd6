#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts; sourced, never run. Leaves the caller in the root of the repository.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "need root for: $*  (no sudo here; run it by hand, then again)"
    fi
}

# need_packages GROUP...: installs what packages.txt lists under these groups and is missing.
need_packages() {
    local group package wanted=() missing=()
    for group in "$@"; do
        while read -r package; do wanted+=("$package"); done \
            < <(awk -v g="$group" '$1 == g { print $2 }' scripts/packages.txt)
    done
    if ! command -v dpkg-query >/dev/null; then
        say "note: not a Debian system; needed here: ${wanted[*]}"
        return
    fi
    for package in "${wanted[@]}"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing: ${missing[*]}"
    # A freshly installed SIP server must not start itself on port 5060.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null && as_root chmod 755 $policy && made=1
    fi
    local status=0
    { as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    } >&2 || status=$?
    [ -z "$made" ] || as_root rm -f $policy
    [ $status = 0 ] || die "apt-get could not install: ${missing[*]}"
}

# need_swift: a Swift 6 toolchain on PATH (under sudo: the one of the user who called).
need_swift() {
    if ! command -v swift >/dev/null && [ -n "${SUDO_USER:-}" ]; then
        local theirs
        theirs=$(sudo -u "$SUDO_USER" bash -lc 'command -v swift' 2>/dev/null || true)
        [ -z "$theirs" ] || PATH=$(dirname "$theirs"):$PATH
    fi
    command -v swift >/dev/null ||
        die "no Swift toolchain on PATH: install Swift 6.1 or newer from https://www.swift.org/install/linux/ and try again"
    local version
    version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
    case "$version" in
        6.0 | [0-5].* | '') die "Swift ${version:-of unknown version} found, 6.1 or newer needed: https://www.swift.org/install/linux/" ;;
    esac
}

# timed NAME COMMAND...: runs it and says how long it took.
timed() {
    local name=$1 start=$SECONDS status=0
    shift
    "$@" || status=$?
    say "== $name: $((SECONDS - start)) s, exit code $status"
    return $status
}
