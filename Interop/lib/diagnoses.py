# SPDX-License-Identifier: Apache-2.0
"""What a finished run says of causes: which endpoints have which."""


def causes(result):
    """{cause: set of endpoints} of a finished run."""
    found = {}
    for one in result["diagnoses"] or []:
        found.setdefault(one["cause"], set()).update(one["endpoints"])
    return found


def table_line(fault, result):
    named = ", ".join(f"{cause} {len(places)}" for cause, places in sorted(causes(result).items()))
    return f"      {fault:<46} {named or '-'}"


def named(story, fault, result, cause, endpoints=None, family=None):
    """States that this cause, and no other, is named: for exactly these endpoints, or for whichever failed."""
    print(table_line(fault, result), flush=True)
    found = causes(result)
    if cause is None:
        return story.equal(f"{fault}: no cause is named", found, {})
    if not story.fact(f"{fault}: named {cause} and nothing else", set(found) == {cause}, result):
        return False
    if endpoints is not None:
        story.equal(f"{fault}: for exactly the endpoints that had it", sorted(found[cause]), sorted(endpoints))
    one = result["diagnoses"][0]
    story.fact(f"{fault}: evidence and remedy are given", one["evidence"] and one["remedy"] and one["title"], one)
    if family:
        story.equal(f"{fault}: the remedy is in the words of the server", one["server"], family)
    return True


def hold_test(port, endpoints, seconds, rate=25, expires=300, transport="udp", host="127.0.0.1"):
    """A test of endpoints that only register."""
    return {
        "name": "Hold", "registrars": {"pbx": {"domain": host, "port": port, "transport": transport, "expires": expires}},
        "groups": [{"name": "phones", "registrar": "pbx", "endpoints": endpoints, "callee": "none"}],
        "duration": f"{seconds}s", "pacing": {"registrations": f"{rate}/s"}}
