// SPDX-License-Identifier: Apache-2.0

public import API
import Bedrock
import Domain
public import RunMetrics

extension API.Endpoint {
    /// An endpoint as the API shows it.
    public init(_ result: EndpointResult, diagnosis: String?) {
        self.init(
            index: Int(result.index), group: result.group, username: result.username, phase: result.phase.name,
            outcome: result.outcome.name, partner: result.partner.map(Int.init), diagnosis: diagnosis,
            registration: EndpointRegistration(result.registration), calls: result.calls.map(EndpointCall.init))
        callsNotAttempted = result.notAttempted == 0 ? nil : Int(result.notAttempted)
        path = result.path.map(EndpointPath.init)
    }
}

extension API.SIPStatus {
    init(_ status: RunMetrics.SIPStatus) { self.init(code: Int(status.code), reason: status.reason) }
}

extension EndpointRegistration {
    init(_ evidence: RegistrationEvidence) {
        self.init()
        attempts = Int(evidence.attempts)
        retransmissions = Int(evidence.retransmissions)
        delayMs = evidence.delay?.milliseconds
        finalStatus = evidence.finalStatus.map(API.SIPStatus.init)
        server = evidence.server
        warning = evidence.warning
        retryAfter = evidence.retryAfter.map(Int.init)
        offeredRealms = evidence.offeredRealms
        missingRealm = evidence.missingRealm
        grantedExpires = evidence.grantedExpires.map(Int.init)
        otherBindings = Int(evidence.otherBindings)
        transportFault = evidence.transportFault?.rawValue
        unregistered = evidence.unregistered
        algorithm = evidence.algorithm?.rawValue
        notes = (evidence.notes ?? []).map(\.sentence)
        transportDetail = evidence.transportDetail
        scheduledAtMs = evidence.scheduledAt?.milliseconds
        sentAtMs = evidence.sentAt?.milliseconds
    }
}

extension EndpointCall {
    init(_ evidence: CallEvidence) {
        self.init(role: evidence.role.rawValue, target: evidence.target)
        postDialDelayMs = evidence.postDialDelay?.milliseconds
        setupTimeMs = evidence.setupTime?.milliseconds
        if let start = evidence.establishedAt, let end = evidence.endedAt { durationMs = (end - start).milliseconds }
        finalStatus = evidence.finalStatus.map(API.SIPStatus.init)
        server = evidence.server
        warning = evidence.warning
        reason = evidence.reason
        retryAfter = evidence.retryAfter.map(Int.init)
        endedByPeer = evidence.endedByPeer
        negotiationProblem = evidence.negotiationProblem
        transportFault = evidence.transportFault?.rawValue
        retransmissions = Int(evidence.retransmissions)
        media = evidence.media.map(EndpointMedia.init)
        transportDetail = evidence.transportDetail
        scheduledAtMs = evidence.scheduledAt?.milliseconds
        invitedAtMs = evidence.invitedAt?.milliseconds
        features = evidence.features.map(EndpointCallFeatures.init)
    }
}

extension EndpointMedia {
    init(_ result: MediaResult) {
        self.init(codec: result.codec)
        packetsSent = result.packetsSent
        packetsReceived = result.packetsReceived
        packetsLost = result.packetsLost
        packetsDuplicate = result.packetsDuplicate
        packetsReordered = result.packetsReordered
        lossPercent = result.lossPercent
        jitterMeanMs = result.jitterMeanMs
        jitterMaxMs = result.jitterMaxMs
        rttMs = result.rttMs
        remoteLossPercent = result.remoteLossPercent
        remoteJitterMs = result.remoteJitterMs
        rFactorLq = result.rFactorLq
        rFactorCq = result.rFactorCq
        mosLq = result.mosLq
        mosCq = result.mosCq
        lateSends = result.lateSends
        skippedFrames = result.skippedFrames
    }
}

extension EndpointPath {
    init(_ evidence: PathEvidence) {
        self.init()
        failedServers = evidence.failedServers.map { server in
            let why = server.fault?.rawValue ?? server.status.map(String.init) ?? "no answer"
            return "\(server.address) \(server.transport): \(why)"
        }
        server = evidence.server
        failovers = Int(evidence.failovers)
        reconnects = Int(evidence.reconnects)
        publicAddress = evidence.publicAddress
        outbound = evidence.outbound
        largeRequests = evidence.largeRequests?.rawValue
    }
}

extension EndpointCallFeatures {
    init(_ features: CallFeatures) {
        self.init()
        earlyMediaAtMs = features.earlyMediaAt?.milliseconds
        reliableProvisionals = Int(features.reliableProvisionals)
        holds = Int(features.holds)
        holdTimeMs = features.holdTime.milliseconds
        holdsByPeer = Int(features.holdsByPeer)
        reinvitesSent = Int(features.reinvitesSent)
        reinvitesReceived = Int(features.reinvitesReceived)
        updatesSent = Int(features.updatesSent)
        updatesReceived = Int(features.updatesReceived)
        glares = Int(features.glares)
        sessionRefreshes = Int(features.sessionRefreshes)
        sessionExpired = features.sessionExpired
        forkedAnswers = Int(features.forkedAnswers)
        infosSent = Int(features.infosSent)
        infosReceived = Int(features.infosReceived)
        transferStatus = features.transferStatus.map(Int.init)
    }
}
