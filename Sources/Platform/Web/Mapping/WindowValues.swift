// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import Domain
import RunMetrics

extension RunWindow {
    init(_ window: Window) {
        self.init(
            second: Int(window.second), counts: WindowCounts(window.tally), callsUp: Int(window.callsUp),
            registered: Int(window.registered), messagesSent: Int(window.messagesSent),
            messagesReceived: Int(window.messagesReceived), retransmissions: Int(window.retransmissions),
            groups: window.groups.map { WindowGroup(name: $0.name, counts: WindowCounts($0.tally)) },
            generator: window.generator.map(WindowGenerator.init))
    }
}

extension WindowCounts {
    init(_ tally: Tally) {
        self.init(
            registrationsStarted: Int(tally.registrationsStarted),
            registrationsSucceeded: Int(tally.registrationsSucceeded),
            registrationsFailed: Int(tally.registrationsFailed), callsStarted: Int(tally.callsStarted),
            callsEstablished: Int(tally.callsEstablished), callsFailed: Int(tally.callsFailed),
            callsEnded: Int(tally.callsEnded))
        registrationDelayMs = tally.delays?.registration.flatMap(WindowDelay.init)
        postDialDelayMs = tally.delays?.postDial.flatMap(WindowDelay.init)
        setupTimeMs = tally.delays?.setup.flatMap(WindowDelay.init)
        latenessMs = tally.delays?.lateness.flatMap(WindowDelay.init)
    }
}

extension WindowDelay {
    /// Nil for a histogram without values.
    init?(_ histogram: Histogram) {
        guard let average = histogram.mean, let greatest = histogram.maximum else { return nil }
        func figure(_ share: Double) -> Double { (histogram.quantile(share) ?? greatest).milliseconds }
        self.init(
            count: Int(clamping: histogram.count), avg: average.milliseconds, p50: figure(0.5), p95: figure(0.95),
            p99: figure(0.99), max: greatest.milliseconds)
    }
}

extension WindowGenerator {
    init(_ sample: GeneratorSample) {
        self.init(
            wakeLatenessMs: sample.wakes.flatMap(WindowDelay.init), rtpLatenessMs: sample.rtp.flatMap(WindowDelay.init),
            cpuPercent: sample.processorPercent, stealPercent: sample.stealPercent,
            socketDrops: Int(clamping: sample.socketDrops))
    }
}
