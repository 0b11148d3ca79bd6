// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// Texts out of messages, safe to show, each kept once: ten thousand endpoints hear the same Server header.
struct TextCache {
    /// Different texts kept; beyond it texts are made anew, so that a server with random texts costs no memory here.
    static let limit = 1024

    private var texts: [UInt64: String] = [:]

    /// The text at a place.
    mutating func text(_ slice: Slice, of message: Message) -> String {
        // A hash of 64 bits and the length tell the few texts of a run apart; what they decide is only what a result shows.
        let hash = message.hash(of: slice)
        if let known = texts[hash], known.utf8.count == Int(slice.length) { return known }
        let text = message.printable(of: slice)
        if texts.count < Self.limit { texts[hash] = text }
        return text
    }

    /// The text of a realm.
    mutating func text(_ challenge: Challenge) -> String {
        let hash = FlowTable.hash(challenge.realm)
        if let known = texts[hash], known.utf8.count == challenge.realm.count { return known }
        if texts.count < Self.limit { texts[hash] = challenge.realmText }
        return challenge.realmText
    }

    /// Status and reason of a response.
    mutating func status(of response: Message) -> SIPStatus? {
        guard case .response(let status, let reason) = response.startLine else { return nil }
        return SIPStatus(code: status, reason: text(reason, of: response))
    }

    /// The value of a header, nil when it is not there.
    mutating func header(_ name: HeaderName, of message: Message) -> String? {
        message.first(name).map { text($0, of: message) }
    }
}

/// Most realms kept in a result: enough to see what is wrong, bounded against a server that makes them up.
let offeredRealmLimit = 8

extension Challenge {
    /// Its algorithm as results name it.
    var answeredAlgorithm: AnsweredAlgorithm? {
        switch (algorithm?.hash, algorithm?.isSession) {
        case (.md5, false): .md5
        case (.md5, true): .md5Session
        case (.sha256, false): .sha256
        case (.sha256, true): .sha256Session
        case (.sha512_256, false): .sha512Half
        case (.sha512_256, true): .sha512HalfSession
        default: nil
        }
    }
}

extension RegistrationEvidence {
    mutating func note(challenges offered: [Challenge], texts: inout TextCache) {
        challenges &+= 1
        for challenge in offered where offeredRealms.count < offeredRealmLimit {
            let realm = texts.text(challenge)
            if !offeredRealms.contains(realm) { offeredRealms.append(realm) }
        }
    }

    mutating func note(final response: Message, texts: inout TextCache) {
        finalStatus = texts.status(of: response)
        server = texts.header(.server, of: response) ?? texts.header(.userAgent, of: response)
        warning = texts.header(.warning, of: response)
        retryAfter = response.retryAfter
        guard warning == nil, finalStatus.map({ $0.code >= 300 }) ?? false else { return }
        // Kamailio and OpenSIPS say here why their registrar refused.
        warning = response.first(named: "p-registrar-error").map { texts.text($0, of: response) }
    }
}

extension CallEvidence {
    mutating func note(challenges offered: [Challenge], texts: inout TextCache) {
        challenges &+= 1
        for challenge in offered where offeredRealms.count < offeredRealmLimit {
            let realm = texts.text(challenge)
            if !offeredRealms.contains(realm) { offeredRealms.append(realm) }
        }
    }

    mutating func note(final response: Message, texts: inout TextCache) {
        finalStatus = texts.status(of: response)
        server = texts.header(.server, of: response) ?? texts.header(.userAgent, of: response)
        warning = texts.header(.warning, of: response)
        reason = texts.header(.reason, of: response)
        retryAfter = response.retryAfter
    }
}

extension MediaResult {
    /// Takes the figures of a stream's last report.
    mutating func fill(from report: StreamReport) {
        packetsSent = report.packetsSent
        packetsReceived = report.packetsReceived
        packetsLost = report.packetsLost.map { Int64(clamping: $0) }
        packetsDuplicate = report.duplicates
        packetsReordered = report.reordered
        lossPercent = report.lossPercent
        jitterMeanMs = report.jitter?.mean
        jitterMaxMs = report.jitter?.maximum
        rttMs = report.roundTrip?.mean
        if let view = report.peerView, report.packetsSent > 0 {
            remoteLossPercent = 100 * Double(max(0, view.packetsLost)) / Double(report.packetsSent)
            remoteJitterMs = view.jitterMilliseconds
        }
        rFactorLq = report.quality?.listeningRating
        rFactorCq = report.quality?.conversationalRating
        mosLq = report.quality?.mosLQ
        mosCq = report.quality?.mosCQ
        skippedFrames = report.framesSkipped
    }
}
