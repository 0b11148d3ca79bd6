// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// The counts behind RFC 6076's ratios. One call is one session request: an INVITE sent again with credentials belongs to it.
struct StandardCounts {
    /// Calls whose final answer was a 200.
    var answered = 0
    /// Calls that were answered, or refused by the one called (§4.7).
    var effective = 0
    /// Calls that count against SER and SEER: all but those whose end is a redirection or a challenge (§4.6).
    var base = 0
    /// Calls that failed because of the server or the network (§4.8).
    var ineffective = 0
    /// Calls that were answered and ended by a BYE that was confirmed, or by the peer's (§4.9).
    var completed = 0

    mutating func add(_ call: CallEvidence) {
        let status = call.effectiveStatus
        switch status {
        case 300..<400, 401, 402, 407: break
        default: base += 1
        }
        switch status {
        case 200..<300:
            answered += 1
            effective += 1
        case 480, 486, 600, 603: effective += 1
        case 408, 500, 503, 504: ineffective += 1
        default: break
        }
        if call.isCompleted { completed += 1 }
    }
}

extension CallEvidence {
    /// The final status; a request that got no answer counts as answered by 408, and one that could not be sent by 503
    /// (RFC 3261 §8.1.3.1).
    var effectiveStatus: UInt16 {
        if answeredAt != nil { return 200 }
        if let finalStatus { return finalStatus.code }
        switch transportFault {
        case .silence, nil: return 408
        case .some: return 503
        }
    }

    /// Whether the session came to its end in order.
    var isCompleted: Bool {
        establishedAt != nil && endedAt != nil && transportFault == nil
            && (endedByPeer || byeConfirmedAt != nil || byeReceivedAt != nil)
    }

    /// RFC 6076 §4.3.1: the INVITE with all that was needed to the first status other than 100, or to the 200.
    var sessionRequestDelay: Interval? {
        guard answeredAt != nil, let lastInvitedAt, let status = progressedAt ?? answeredAt else { return nil }
        return status - lastInvitedAt
    }

    /// RFC 6076 §4.3.2: the same INVITE to the final answer that refused it.
    var failedSessionRequestDelay: Interval? {
        guard answeredAt == nil, let lastInvitedAt, let refusedAt, let code = finalStatus?.code else { return nil }
        switch code {
        case 400..<700 where code != 401 && code != 402 && code != 407: return refusedAt - lastInvitedAt
        default: return nil
        }
    }

    /// RFC 6076 §4.4: BYE to its 2xx, or to when it was given up.
    var disconnectDelay: Interval? {
        guard let byeSentAt, let end = byeConfirmedAt ?? (transportFault == nil ? nil : endedAt) else { return nil }
        return end - byeSentAt
    }

    /// RFC 6076 §4.5: the 200 to the BYE.
    var sessionDuration: Interval? {
        guard let answeredAt, establishedAt != nil, let end = byeSentAt ?? endedAt else { return nil }
        return end - answeredAt
    }
}

extension RegistrationEvidence {
    /// RFC 6076 §4.1: the REGISTER with all that was needed, so the one with credentials, to its 200.
    var requestDelay: Interval? {
        guard let registeredAt, let last = lastSentAt ?? sentAt else { return nil }
        return registeredAt - last
    }
}

extension RunSummary.Standards {
    init(_ figures: RunFigures) {
        func share(_ name: String) -> Double? {
            (try? SummaryMetric.read(name)).flatMap { figures.value(of: $0) }
        }
        rrdMs = .init(figures.distribution(.rrd))
        srdSuccessMs = .init(figures.distribution(.srd))
        srdFailedMs = .init(figures.distribution(.srdFailed))
        sddMs = .init(figures.distribution(.sdd))
        sdtMs = .init(figures.distribution(.sdt))
        iraPercent = share("ira")
        serPercent = share("ser")
        seerPercent = share("seer")
        isaPercent = share("isa")
        scrPercent = share("scr")
    }
}
