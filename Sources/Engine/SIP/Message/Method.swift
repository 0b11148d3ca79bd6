// SPDX-License-Identifier: Apache-2.0

/// A request method. Names are case-sensitive (RFC 3261 §7.1).
public enum Method: UInt8, Hashable, Sendable, CaseIterable {
    case invite, ack, bye, cancel, register, options
    case prack, update, refer, info, subscribe, notify, message, publish
    /// A method that this program does not know; its token stands in the message.
    case other

    /// The name as sent; empty for `other`.
    public var name: StaticString {
        switch self {
        case .invite: "INVITE"
        case .ack: "ACK"
        case .bye: "BYE"
        case .cancel: "CANCEL"
        case .register: "REGISTER"
        case .options: "OPTIONS"
        case .prack: "PRACK"
        case .update: "UPDATE"
        case .refer: "REFER"
        case .info: "INFO"
        case .subscribe: "SUBSCRIBE"
        case .notify: "NOTIFY"
        case .message: "MESSAGE"
        case .publish: "PUBLISH"
        case .other: ""
        }
    }

    /// The method that a token names.
    init(_ bytes: UnsafeRawBufferPointer, _ token: Slice) {
        // The first letter leaves at most two candidates.
        func pick(_ first: Method, _ second: Method = .other) -> Method {
            bytes.matches(token, first.name) ? first : bytes.matches(token, second.name) ? second : .other
        }
        switch token.isEmpty ? 0 : bytes[token.start] {
        case UInt8(ascii: "I"): self = pick(.invite, .info)
        case UInt8(ascii: "A"): self = pick(.ack)
        case UInt8(ascii: "B"): self = pick(.bye)
        case UInt8(ascii: "C"): self = pick(.cancel)
        case UInt8(ascii: "R"): self = pick(.register, .refer)
        case UInt8(ascii: "O"): self = pick(.options)
        case UInt8(ascii: "P"): self = pick(.prack, .publish)
        case UInt8(ascii: "U"): self = pick(.update)
        case UInt8(ascii: "S"): self = pick(.subscribe)
        case UInt8(ascii: "N"): self = pick(.notify)
        case UInt8(ascii: "M"): self = pick(.message)
        default: self = .other
        }
    }
}
