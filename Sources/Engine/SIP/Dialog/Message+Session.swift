// SPDX-License-Identifier: Apache-2.0

/// Session-Expires: how long a session lives without a refresh, and who refreshes it (RFC 4028 §4).
public struct SessionExpires: Hashable, Sendable {
    /// Who refreshes, by the roles of the request that negotiates.
    public enum Refresher: Hashable, Sendable {
        /// The sender of the request.
        case client
        /// Its receiver.
        case server
    }

    /// The interval in seconds.
    public var seconds: UInt32
    /// Who refreshes; nil leaves it to the receiver of the request.
    public var refresher: Refresher?

    /// An interval from its parts.
    public init(seconds: UInt32, refresher: Refresher?) {
        self.seconds = seconds
        self.refresher = refresher
    }
}

/// RAck: which reliable provisional response a PRACK acknowledges (RFC 3262 §7.2).
public struct ResponseAcknowledgement: Hashable, Sendable {
    /// The response's RSeq.
    public var response: UInt32
    /// The CSeq number of the request that it answered.
    public var sequence: UInt32
    /// The method of that request.
    public var method: Method
}

extension Message {
    /// Session-Expires, nil when missing or malformed. A refresher that is neither `uac` nor `uas` counts as none.
    public var sessionExpires: SessionExpires? {
        guard let value = first(.sessionExpires) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            guard let seconds = bytes.decimal(scanner.digits(), maximum: UInt64(UInt32.max)) else { return nil }
            var refresher: SessionExpires.Refresher?
            if let name = bytes.parameter("refresher", in: scanner.rest) {
                if bytes.matchesIgnoringCase(name, "uac") { refresher = .client }
                if bytes.matchesIgnoringCase(name, "uas") { refresher = .server }
            }
            return SessionExpires(seconds: UInt32(seconds), refresher: refresher)
        }
    }

    /// Min-SE in seconds, nil when missing or malformed (RFC 4028 §5).
    public var minimumSessionExpires: UInt32? {
        guard let value = first(.minSE) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            return bytes.decimal(scanner.digits(), maximum: UInt64(UInt32.max)).map { UInt32($0) }
        }
    }

    /// RSeq of a provisional response that asks for a PRACK; nil for every other one (RFC 3262 §4).
    public var reliableSequence: UInt32? {
        guard let status, status > 100, status < 200, let value = first(.rseq), lists(.require, "100rel") else {
            return nil
        }
        return number(value).flatMap { $0 > 0 ? $0 : nil }
    }

    /// RAck, nil when missing or malformed.
    public var responseAcknowledgement: ResponseAcknowledgement? {
        guard let value = first(.rack) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            guard let response = bytes.decimal(scanner.digits(), maximum: UInt64(UInt32.max)) else { return nil }
            scanner.skipWhitespace()
            guard let sequence = bytes.decimal(scanner.digits(), maximum: UInt64(Limits.sequenceNumber)) else {
                return nil
            }
            scanner.skipWhitespace()
            let token = scanner.token()
            guard !token.isEmpty, scanner.isAtEnd else { return nil }
            return ResponseAcknowledgement(
                response: UInt32(response), sequence: UInt32(sequence), method: Method(bytes, token))
        }
    }

    /// The status of the message fragment in the body of a NOTIFY for a REFER (RFC 3515 §2.4.5); nil when it is none.
    public var fragmentStatus: UInt16? {
        guard let contentType, matchesIgnoringCase(contentType, "message/sipfrag") else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, body)
            guard bytes.matchesIgnoringCase(scanner.run(until: 0x20), "sip/2.0") else { return nil }
            scanner.skipWhitespace()
            let digits = scanner.digits()
            guard digits.length == 3, let status = bytes.decimal(digits, maximum: 699), status >= 100 else {
                return nil
            }
            return UInt16(status)
        }
    }
}
