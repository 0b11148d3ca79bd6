# SPDX-License-Identifier: Apache-2.0
"""Scenarios for an answering SIPp that is registrar and peer at once, put together from steps."""
import re

TAG = "u[pid]x[call_number]"
CONTACT = "Contact: <sip:answer@[local_ip]:[local_port];transport=[transport]>"


def description(direction="sendrecv"):
    return "\n".join([
        "v=0", "o=uas 1 [cseq] IN IP4 [local_ip]", "s=-", "c=IN IP4 [media_ip]", "t=0 0",
        "m=audio [media_port] RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", f"a={direction}", ""])


def _message(lines, body):
    kind = ["Content-Type: application/sdp", "Content-Length: [len]"] if body else ["Content-Length: 0"]
    return "<![CDATA[\n" + "\n".join([*lines, *kind, "", body or ""]) + "\n]]>"


def receive(request=None, response=None, optional=False, next=None, test=None, check=(), keep=(), timeout=None):
    """Waits for a message. `check`: patterns it must hold; `keep`: (variable, header, pattern) to remember."""
    attributes = [f'request="{request}"' if request else f'response="{response}"']
    attributes += ['optional="true"'] if optional else []
    attributes += [f'next="{next}"'] if next else []
    attributes += [f'test="{test}"'] if test else []
    attributes += [f'timeout="{timeout}"'] if timeout else []
    actions = [f'<ereg regexp="{pattern}" search_in="msg" check_it="true" assign_to="dummy"/>' for pattern in check]
    actions += [
        f'<ereg regexp="{pattern}" search_in="{"hdr" if header else "msg"}"'
        + (f' header="{header}:"' if header else "") + f' assign_to="{name}"/>' for name, header, pattern in keep]
    return f"<recv {' '.join(attributes)}>" + (f"<action>{''.join(actions)}</action>" if actions else "") + "</recv>"


def answer(status, *more, body=None, new=False, repeat=False):
    """Answers the last request; `new`: it has no To tag yet."""
    lines = [
        f"SIP/2.0 {status}", "[last_Via:]", "[last_Record-Route:]", "[last_From:]",
        "[last_To:]" + (f";tag={TAG}" if new else ""), "[last_Call-ID:]", "[last_CSeq:]", *more]
    return f"<send{' retrans=' + chr(34) + '500' + chr(34) if repeat else ''}>{_message(lines, body)}</send>"


def answer_invite(status, *more, body=None):
    """Answers the INVITE after another request came in between."""
    lines = [
        f"SIP/2.0 {status}", "Via: [$via]", "From: [$from]", f"To: [$to];tag={TAG}", "Call-ID: [call_id]",
        "CSeq: [$cseq]", *more]
    return f'<send retrans="500">{_message(lines, body)}</send>'


def request(method, number, *more, body=None):
    """A request of SIPp within the dialog that the INVITE opened."""
    lines = [
        f"{method} [$contact] SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
        "Max-Forwards: 70", f"From: [$to];tag={TAG}", "To: [$from]", "Call-ID: [call_id]", f"CSeq: {number} {method}",
        CONTACT, *more]
    return f"<send{'' if method == 'ACK' else ' retrans=' + chr(34) + '500' + chr(34)}>{_message(lines, body)}</send>"


def pause(milliseconds):
    return f'<pause milliseconds="{milliseconds}"/>'


def label(name):
    return f'<label id="{name}"/>'


INVITE = (
    ("via", "Via", "SIP/2.0.*"), ("from", "From", "&lt;sip:.*"), ("to", "To", "&lt;sip:.*"),
    ("cseq", "CSeq", "[0-9]+ INVITE"), ("contact", "Contact", "sip:[^&gt;]*"))


def opening(check=(), keep=()):
    """A REGISTER is granted; an INVITE goes on with the steps that follow."""
    return [
        receive(request="REGISTER", optional=True, next="register"),
        receive(request="INVITE", check=check, keep=(*INVITE, *keep)),
    ]


def closing(bye=True):
    """Our BYE ends the call."""
    end = [receive(request="BYE"), answer("200 OK")] if bye else []
    return [
        *end, '<nop next="end"/>', label("register"), answer("200 OK", "[last_Contact:];expires=3600", new=True),
        label("end"), '<nop/>']


def write(path, name, *steps):
    text = "\n".join(steps)
    # SIPp refuses a variable that is set and never read.
    known = sorted(set(re.findall('assign_to="([a-z]+)"', text)))
    with open(path, "w") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n' + f'<scenario name="{name}">\n{text}\n'
            + f'<Reference variables="{",".join(known)}"/>\n</scenario>\n')
