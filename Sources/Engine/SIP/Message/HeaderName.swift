// SPDX-License-Identifier: Apache-2.0

/// The header fields this program reads or writes, compact forms included (RFC 3261 §7.3.3).
public enum HeaderName: UInt8, Hashable, Sendable, CaseIterable {
    case via, from, to, callID, cSeq, contact, maxForwards, contentLength, contentType
    case route, recordRoute, expires, minExpires, authorization, proxyAuthorization
    case wwwAuthenticate, proxyAuthenticate, authenticationInfo
    case allow, supported, require, proxyRequire, unsupported, userAgent, server, accept
    case reason, warning, retryAfter, rack, rseq, sessionExpires, minSE, event, subscriptionState
    case referTo, referredBy, replaces, contentEncoding, path, serviceRoute, date, subject
    case pAssertedIdentity, diversion, flowTimer
    /// A header this program does not know; its name stands in the message.
    case other

    /// The name as sent, in its usual spelling; empty for `other`.
    public var name: StaticString {
        switch self {
        case .via: "Via"
        case .from: "From"
        case .to: "To"
        case .callID: "Call-ID"
        case .cSeq: "CSeq"
        case .contact: "Contact"
        case .maxForwards: "Max-Forwards"
        case .contentLength: "Content-Length"
        case .contentType: "Content-Type"
        case .route: "Route"
        case .recordRoute: "Record-Route"
        case .expires: "Expires"
        case .minExpires: "Min-Expires"
        case .authorization: "Authorization"
        case .proxyAuthorization: "Proxy-Authorization"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .authenticationInfo: "Authentication-Info"
        case .allow: "Allow"
        case .supported: "Supported"
        case .require: "Require"
        case .proxyRequire: "Proxy-Require"
        case .unsupported: "Unsupported"
        case .userAgent: "User-Agent"
        case .server: "Server"
        case .accept: "Accept"
        case .reason: "Reason"
        case .warning: "Warning"
        case .retryAfter: "Retry-After"
        case .rack: "RAck"
        case .rseq: "RSeq"
        case .sessionExpires: "Session-Expires"
        case .minSE: "Min-SE"
        case .event: "Event"
        case .subscriptionState: "Subscription-State"
        case .referTo: "Refer-To"
        case .referredBy: "Referred-By"
        case .replaces: "Replaces"
        case .contentEncoding: "Content-Encoding"
        case .path: "Path"
        case .serviceRoute: "Service-Route"
        case .date: "Date"
        case .subject: "Subject"
        case .pAssertedIdentity: "P-Asserted-Identity"
        case .diversion: "Diversion"
        case .flowTimer: "Flow-Timer"
        case .other: ""
        }
    }

    /// The header with a raw value that was stored before; `other` for a number beyond the last one.
    @inline(__always) init(stored value: UInt8) {
        // The raw values run from 0 to `other` without a gap, so any byte in between is the bit pattern of a case.
        self = value < HeaderName.other.rawValue ? unsafeBitCast(value, to: HeaderName.self) : .other
    }

    /// The header that a name in a message stands for, compared without case.
    init(_ bytes: UnsafeRawBufferPointer, _ name: Slice) {
        guard name.length > 1 else {
            self = name.isEmpty ? .other : Self.compact(bytes[name.start])
            return
        }
        // The length and the first letter leave at most three candidates.
        @inline(__always) func pick(_ first: HeaderName, _ second: HeaderName = .other, _ third: HeaderName = .other)
            -> HeaderName
        {
            if bytes.matchesIgnoringSpelling(name, first.name) { return first }
            if second != .other, bytes.matchesIgnoringSpelling(name, second.name) { return second }
            return third != .other && bytes.matchesIgnoringSpelling(name, third.name) ? third : .other
        }
        let letter = bytes[name.start] | 0x20
        switch (name.length, letter) {
        case (2, UInt8(ascii: "t")): self = pick(.to)
        case (3, UInt8(ascii: "v")): self = pick(.via)
        case (4, UInt8(ascii: "f")): self = pick(.from)
        case (4, UInt8(ascii: "c")): self = pick(.cSeq)
        case (4, UInt8(ascii: "r")): self = pick(.rack, .rseq)
        case (4, UInt8(ascii: "d")): self = pick(.date)
        case (4, UInt8(ascii: "p")): self = pick(.path)
        case (5, UInt8(ascii: "r")): self = pick(.route)
        case (5, UInt8(ascii: "a")): self = pick(.allow)
        case (5, UInt8(ascii: "e")): self = pick(.event)
        case (6, UInt8(ascii: "a")): self = pick(.accept)
        case (6, UInt8(ascii: "s")): self = pick(.server)
        case (6, UInt8(ascii: "r")): self = pick(.reason)
        case (6, UInt8(ascii: "m")): self = pick(.minSE)
        case (7, UInt8(ascii: "c")): self = pick(.callID, .contact)
        case (7, UInt8(ascii: "e")): self = pick(.expires)
        case (7, UInt8(ascii: "r")): self = pick(.require)
        case (7, UInt8(ascii: "w")): self = pick(.warning)
        case (7, UInt8(ascii: "s")): self = pick(.subject)
        case (8, UInt8(ascii: "r")): self = pick(.referTo, .replaces)
        case (9, UInt8(ascii: "s")): self = pick(.supported)
        case (9, UInt8(ascii: "d")): self = pick(.diversion)
        case (10, UInt8(ascii: "u")): self = pick(.userAgent)
        case (10, UInt8(ascii: "f")): self = pick(.flowTimer)
        case (11, UInt8(ascii: "m")): self = pick(.minExpires)
        case (11, UInt8(ascii: "r")): self = pick(.retryAfter, .referredBy)
        case (11, UInt8(ascii: "u")): self = pick(.unsupported)
        case (12, UInt8(ascii: "m")): self = pick(.maxForwards)
        case (12, UInt8(ascii: "c")): self = pick(.contentType)
        case (12, UInt8(ascii: "r")): self = pick(.recordRoute)
        case (13, UInt8(ascii: "a")): self = pick(.authorization)
        case (13, UInt8(ascii: "p")): self = pick(.proxyRequire)
        case (13, UInt8(ascii: "s")): self = pick(.serviceRoute)
        case (14, UInt8(ascii: "c")): self = pick(.contentLength)
        case (15, UInt8(ascii: "s")): self = pick(.sessionExpires)
        case (16, UInt8(ascii: "w")): self = pick(.wwwAuthenticate)
        case (16, UInt8(ascii: "c")): self = pick(.contentEncoding)
        case (18, UInt8(ascii: "p")): self = pick(.proxyAuthenticate)
        case (18, UInt8(ascii: "s")): self = pick(.subscriptionState)
        case (19, UInt8(ascii: "p")): self = pick(.proxyAuthorization, .pAssertedIdentity)
        case (19, UInt8(ascii: "a")): self = pick(.authenticationInfo)
        default: self = .other
        }
    }

    private static func compact(_ letter: UInt8) -> HeaderName {
        switch letter | 0x20 {
        case UInt8(ascii: "v"): .via
        case UInt8(ascii: "f"): .from
        case UInt8(ascii: "t"): .to
        case UInt8(ascii: "i"): .callID
        case UInt8(ascii: "m"): .contact
        case UInt8(ascii: "l"): .contentLength
        case UInt8(ascii: "c"): .contentType
        case UInt8(ascii: "e"): .contentEncoding
        case UInt8(ascii: "k"): .supported
        case UInt8(ascii: "s"): .subject
        case UInt8(ascii: "o"): .event
        case UInt8(ascii: "r"): .referTo
        case UInt8(ascii: "b"): .referredBy
        case UInt8(ascii: "x"): .sessionExpires
        default: .other
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a token at a place is `text`, letters compared without case; eight bytes at a time.
    ///
    /// Setting bit 5 maps both cases of a letter to one value, and no other two token characters to one value.
    @inline(__always) fileprivate func matchesIgnoringSpelling(_ slice: Slice, _ text: StaticString) -> Bool {
        let length = Int(slice.length)
        guard length == text.utf8CodeUnitCount, slice.end <= count, let base = baseAddress else { return false }
        let left = base + slice.start
        let right = UnsafeRawPointer(text.utf8Start)
        let bit5: UInt64 = 0x2020_2020_2020_2020
        var place = 0
        while place + 8 <= length {
            let difference =
                (left.loadUnaligned(fromByteOffset: place, as: UInt64.self) | bit5)
                ^ (right.loadUnaligned(fromByteOffset: place, as: UInt64.self) | bit5)
            guard difference == 0 else { return false }
            place += 8
        }
        while place < length {
            guard
                left.load(fromByteOffset: place, as: UInt8.self) | 0x20 == right.load(
                    fromByteOffset: place, as: UInt8.self) | 0x20
            else { return false }
            place += 1
        }
        return true
    }
}
