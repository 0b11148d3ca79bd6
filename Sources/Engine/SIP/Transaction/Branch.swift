// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Names a client transaction of a `TransactionLayer`; goes stale when the transaction ends.
public struct ClientTransactionID: Hashable, Sendable {
    let handle: SlabHandle
}

/// Names a server transaction of a `TransactionLayer`; goes stale when the transaction ends.
public struct ServerTransactionID: Hashable, Sendable {
    let handle: SlabHandle
}

/// The branch of a request of ours (RFC 3261 §8.1.1.7): the magic cookie, the transaction's place, and chance.
///
/// A response finds its transaction by the place, without a table; the chance part keeps answers to another run or program out.
public struct Branch: Hashable, Sendable {
    /// "z9hG4bK" and three numbers of eight hexadecimal digits.
    public static var length: Int { 7 + 24 }

    let index: UInt32
    let generation: UInt32
    let salt: UInt32

    init(handle: SlabHandle, salt: UInt32) {
        index = handle.index
        generation = handle.generation
        self.salt = salt
    }

    var handle: SlabHandle { SlabHandle(index: index, generation: generation) }

    /// Reads a branch that `ByteWriter.append(branch:)` wrote; nil for anybody else's.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.length, bytes[0] == UInt8(ascii: "z"), bytes[1] == UInt8(ascii: "9"),
            bytes[2] == UInt8(ascii: "h"), bytes[3] == UInt8(ascii: "G"), bytes[4] == UInt8(ascii: "4"),
            bytes[5] == UInt8(ascii: "b"), bytes[6] == UInt8(ascii: "K"), let index = Self.number(bytes, at: 7),
            let generation = Self.number(bytes, at: 15), let salt = Self.number(bytes, at: 23)
        else { return nil }
        self.index = index
        self.generation = generation
        self.salt = salt
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, at start: Int) -> UInt32? {
        var value: UInt32 = 0
        for place in start..<start + 8 {
            guard let digit = ASCII.hexValue(bytes[place]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

extension ByteWriter {
    /// Appends a branch.
    public mutating func append(branch: Branch) {
        append("z9hG4bK")
        append(hex: UInt64(branch.index), digits: 8)
        append(hex: UInt64(branch.generation), digits: 8)
        append(hex: UInt64(branch.salt), digits: 8)
    }
}

extension MessageWriter {
    /// Writes the Via line of a request of ours, with an empty `rport` (RFC 3581 §3).
    public mutating func via(_ transport: Transport, sentBy: TransportAddress, branch: Branch) {
        output.append("Via: SIP/2.0/")
        output.append(transport.viaName)
        output.append(0x20)
        output.append(address: sentBy)
        output.append(";rport;branch=")
        output.append(branch: branch)
        endLine()
    }
}
