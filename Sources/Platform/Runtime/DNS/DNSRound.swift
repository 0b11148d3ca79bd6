// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCares
import Glibc
import SIP
import Synchronization

/// Questions asked together, on a thread of their own that ends with the last answer.
///
/// Look-ups are rare (answers are kept by `ServerLocator`), so nothing lives on between them, and what the system says about DNS servers
/// is read afresh each time.
final class DNSRound: Sendable {
    /// The first try waits this long, the second twice as long.
    static let firstTry = Interval.seconds(1)
    static let tries = 2
    /// No round lasts longer, however many servers the system names.
    static let longest = Interval.seconds(8)

    private let questions: [DNSQuestion]
    private let server: TransportAddress?
    /// Readable once the round is given up.
    private let wake: Int32

    private init(_ questions: [DNSQuestion], server: TransportAddress?) {
        self.questions = questions
        self.server = server
        wake = callmeter_ares_wake_open()
    }

    deinit { if wake >= 0 { close(wake) } }

    /// Asks, and gives an answer for every question. When the calling task is cancelled, the open ones fail at once.
    ///
    /// - Parameter server: whom to ask; nil for the system's servers.
    static func ask(_ questions: [DNSQuestion], server: TransportAddress?) async -> [DNSQuestion: DNSAnswer] {
        let round = DNSRound(questions, server: server)
        guard round.wake >= 0 else { return round.all(.local(String(cString: strerror(errno)))) }
        return await withTaskCancellationHandler {
            await DetachedThread.run { round.play() }
        } onCancel: {
            callmeter_ares_wake(round.wake)
        }
    }

    /// The addresses that this machine's hosts file has for a name, IPv4 first.
    static func hostsFile(_ name: String) async -> [TransportAddress.IP] {
        await DetachedThread.run {
            var status: Int32 = 0
            guard let channel = callmeter_ares_open(nil, 1000, 1, &status) else { return [] }
            defer { ares_destroy(channel) }
            return [AF_INET, AF_INET6].flatMap { family in
                let room = 16
                var bytes = [UInt8](repeating: 0, count: 16 * room)
                let count = callmeter_ares_hosts(channel, name, family, &bytes, Int32(room))
                return (0..<Int(count)).map { index -> TransportAddress.IP in
                    let bytes = bytes[(16 * index)..<(16 * index + 16)]
                    let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    return family == AF_INET ? .v4(UInt32(high >> 32)) : .v6(high: high, low: low)
                }
            }
        }
    }

    private func all(_ failure: DNSFailure) -> [DNSQuestion: DNSAnswer] {
        Dictionary(questions.map { ($0, DNSAnswer(.failed(failure))) }) { first, _ in first }
    }

    // MARK: - On the thread

    /// What the callbacks of one round write to; touched by its thread alone.
    private final class Board {
        var answers: [DNSQuestion: DNSAnswer] = [:]
        var isLate = false
    }

    /// What one callback is handed; it owns the only reference.
    private final class Slip {
        let question: DNSQuestion
        let board: Board

        init(_ question: DNSQuestion, _ board: Board) {
            self.question = question
            self.board = board
        }
    }

    private func play() -> [DNSQuestion: DNSAnswer] {
        var status: Int32 = 0
        let opened =
            if let server {
                callmeter_ares_open(server.description, Self.milliseconds(Self.firstTry), Int32(Self.tries), &status)
            } else {
                callmeter_ares_open(nil, Self.milliseconds(Self.firstTry), Int32(Self.tries), &status)
            }
        guard let channel = opened else { return all(.local(String(cString: ares_strerror(status)))) }
        let board = Board()
        for question in Set(questions) { Self.send(question, on: channel, board) }
        let end = SystemClock.now() + Self.longest
        let count = Set(questions).count
        while board.answers.count < count {
            let left = end - SystemClock.now()
            board.isLate = left <= .zero
            if board.isLate || callmeter_ares_turn(channel, wake, Self.milliseconds(left)) == 1 { ares_cancel(channel) }
        }
        ares_destroy(channel)
        return board.answers
    }

    private static func milliseconds(_ interval: Interval) -> Int32 {
        Int32(clamping: interval.nanoseconds / 1_000_000 + 1)
    }

    private static func send(_ question: DNSQuestion, on channel: ares_channel, _ board: Board) {
        let internet: Int32 = 1  // class IN, RFC 1035 §3.2.4
        ares_query(
            channel, question.name, internet, Int32(question.kind.rawValue),
            { @Sendable context, status, _, bytes, length in
                guard let context else { return }
                let slip = Unmanaged<Slip>.fromOpaque(context).takeRetainedValue()
                let reply = bytes.map { Array(UnsafeBufferPointer(start: $0, count: Int(max(0, length)))) } ?? []
                slip.board.answers[slip.question] = DNSRound.answer(
                    to: slip.question, status, reply, isLate: slip.board.isLate)
            }, Unmanaged.passRetained(Slip(question, board)).toOpaque())
    }

    private static func answer(
        to question: DNSQuestion, _ status: Int32, _ reply: [UInt8], isLate: Bool
    ) -> DNSAnswer {
        // A reply without records comes with a status of its own; its authority section says how long that holds.
        if !reply.isEmpty { return DNSAnswer(reply: reply, to: question) }
        switch status {
        case ARES_ENODATA: return DNSAnswer(.none)
        case ARES_ENOTFOUND: return DNSAnswer(.noSuchName)
        case ARES_ETIMEOUT: return DNSAnswer(.failed(.silent))
        case ARES_ECONNREFUSED: return DNSAnswer(.failed(.refusedConnection))
        case ARES_EFORMERR: return DNSAnswer(.failed(.serverError(1)))
        case ARES_ESERVFAIL: return DNSAnswer(.failed(.serverError(2)))
        case ARES_ENOTIMP: return DNSAnswer(.failed(.serverError(4)))
        case ARES_EREFUSED: return DNSAnswer(.failed(.serverError(5)))
        case ARES_EBADRESP: return DNSAnswer(.failed(.malformed))
        case ARES_ECANCELLED: return DNSAnswer(.failed(isLate ? .silent : .cancelled))
        default: return DNSAnswer(.failed(.local(String(cString: ares_strerror(status)))))
        }
    }
}
