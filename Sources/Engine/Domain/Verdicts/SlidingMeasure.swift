// SPDX-License-Identifier: Apache-2.0

import RunMetrics

/// What one metric saw in some seconds of a run; adds up.
struct WindowMeasure: Sendable {
    /// Things counted, or the part of a share.
    var part: UInt64 = 0
    /// What the part is of.
    var whole: UInt64 = 0
    var histogram: Histogram?
    /// Whether anything of the metric's kind was going on.
    var isActive = false

    init() {}

    init(_ metric: SummaryMetric, _ tally: Tally?) {
        guard let tally else { return }
        let registrations = UInt64(tally.registrationsSucceeded) + UInt64(tally.registrationsFailed)
        let calls = UInt64(tally.callsEstablished) + UInt64(tally.callsFailed)
        switch metric.base {
        case "registration.attempted": part = UInt64(tally.registrationsStarted)
        case "registration.succeeded": part = UInt64(tally.registrationsSucceeded)
        case "registration.failed": part = UInt64(tally.registrationsFailed)
        case "registration.success_rate": (part, whole) = (UInt64(tally.registrationsSucceeded), registrations)
        case "registration.failure_rate": (part, whole) = (UInt64(tally.registrationsFailed), registrations)
        case "call.attempted": part = UInt64(tally.callsStarted)
        case "call.established": part = UInt64(tally.callsEstablished)
        case "call.failed": part = UInt64(tally.callsFailed)
        case "call.success_rate": (part, whole) = (UInt64(tally.callsEstablished), calls)
        case "call.failure_rate": (part, whole) = (UInt64(tally.callsFailed), calls)
        case "registration_delay": histogram = tally.delays?.registration
        case "registration_delay_from_intended": histogram = tally.delays?.registrationFromIntended
        case "post_dial_delay": histogram = tally.delays?.postDial
        case "post_dial_delay_from_intended": histogram = tally.delays?.postDialFromIntended
        case "setup_time": histogram = tally.delays?.setup
        case "setup_time_from_intended": histogram = tally.delays?.setupFromIntended
        case "lateness": histogram = tally.delays?.lateness
        default: break
        }
        isActive =
            metric.base.hasPrefix("call.")
            ? tally.callsStarted > 0 || calls > 0 : tally.registrationsStarted > 0 || registrations > 0
    }

    mutating func add(_ other: WindowMeasure) {
        part += other.part
        whole += other.whole
        if let theirs = other.histogram {
            if histogram == nil { histogram = theirs } else { histogram?.merge(theirs) }
        }
        isActive = isActive || other.isActive
    }

    /// The metric's value over so many seconds; nil when nothing was measured in them.
    func value(of metric: SummaryMetric, seconds: Int) -> Double? {
        switch metric.entry?.kind {
        case .count: metric.aggregate == .perSecond ? Double(part) / Double(max(1, seconds)) : Double(part)
        case .share: whole == 0 ? nil : 100 * Double(part) / Double(whole)
        case .spread:
            metric.aggregate == .count ? Double(histogram?.count ?? 0) : histogram?.value(of: metric.aggregate)
        case nil: nil
        }
    }
}

/// The sum of the last seconds of a run. Each second is added twice, whatever the length: one stack of seconds that came, and
/// one of sums over those that are about to leave.
struct SlidingMeasure: Sendable {
    let length: Int
    private var arrived: [WindowMeasure] = []
    private var arrivedSum = WindowMeasure()
    /// Sums from a second to the last of its batch; the oldest second's stands last.
    private var leaving: [WindowMeasure] = []

    init(length: Int) { self.length = length }

    var count: Int { arrived.count + leaving.count }
    var isFull: Bool { count == length }

    var sum: WindowMeasure {
        guard var sum = leaving.last else { return arrivedSum }
        sum.add(arrivedSum)
        return sum
    }

    mutating func push(_ measure: WindowMeasure) {
        if isFull { dropOldest() }
        arrived.append(measure)
        arrivedSum.add(measure)
    }

    private mutating func dropOldest() {
        if leaving.isEmpty {
            var sum = WindowMeasure()
            for measure in arrived.reversed() {
                sum.add(measure)
                leaving.append(sum)
            }
            arrived.removeAll(keepingCapacity: true)
            arrivedSum = WindowMeasure()
        }
        leaving.removeLast()
    }
}
