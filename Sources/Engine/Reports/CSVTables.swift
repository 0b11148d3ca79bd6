// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import Domain
public import RunMetrics

/// The tables of a run as CSV (RFC 4180): a heading, then a line for each endpoint or each second. Lines end with CR LF.
public enum CSVTables {
    private static let lineEnd = "\r\n"

    /// The heading of the table of endpoints.
    public static let endpointHeading =
        [
            "index", "group", "username", "outcome", "diagnosis", "phase", "partner", "registration_attempts",
            "registration_status", "registration_reason", "registration_delay_ms", "registration_transport_fault",
            "server", "calls", "calls_established", "call_status", "call_reason", "post_dial_delay_ms", "setup_time_ms",
            "call_duration_ms", "call_transport_fault", "codec", "packets_sent", "packets_received", "packets_lost",
            "loss_percent", "jitter_ms", "rtt_ms", "mos",
        ].joined(separator: ",") + lineEnd

    /// The line of one endpoint. Figures of a call are those of its last one; an empty field is "not measured".
    public static func row(_ endpoint: EndpointRecord) -> String {
        let result = endpoint.result
        let registration = result.registration
        let call = result.calls.last
        let media = call?.media
        var fields = [
            "\(result.index)", result.group, result.username, result.outcome.name, endpoint.diagnosis ?? "",
            result.phase.name, text(result.partner), "\(registration.attempts)",
            text(registration.finalStatus?.code), registration.finalStatus?.reason ?? "",
            text(registration.delay?.milliseconds), registration.transportFault?.rawValue ?? "",
            call?.server ?? registration.server ?? "", "\(result.calls.count)",
            "\(result.calls.count { $0.establishedAt != nil })", text(call?.finalStatus?.code),
            call?.finalStatus?.reason ?? "", text(call?.postDialDelay?.milliseconds),
            text(call?.setupTime?.milliseconds),
        ]
        if let start = call?.establishedAt, let end = call?.endedAt {
            fields.append(text((end - start).milliseconds))
        } else {
            fields.append("")
        }
        fields += [
            call?.transportFault?.rawValue ?? "", media?.codec ?? "", text(media?.packetsSent),
            text(media?.packetsReceived), text(media?.packetsLost), text(media?.lossPercent),
            text(media?.jitterMeanMs), text(media?.rttMs), text(media.flatMap { $0.mosCq ?? $0.mosLq }),
        ]
        return fields.map(field).joined(separator: ",") + lineEnd
    }

    /// The heading of the table of seconds.
    public static let windowHeading =
        [
            "second", "registrations_started", "registrations_succeeded", "registrations_failed", "registered",
            "calls_started", "calls_established", "calls_failed", "calls_ended", "calls_up", "messages_sent",
            "messages_received", "retransmissions",
        ].joined(separator: ",") + lineEnd

    /// The line of one second.
    public static func row(_ window: Window) -> String {
        [
            window.second, window.registrationsStarted, window.registrationsSucceeded, window.registrationsFailed,
            window.registered, window.callsStarted, window.callsEstablished, window.callsFailed, window.callsEnded,
            window.callsUp, window.messagesSent, window.messagesReceived, window.retransmissions,
        ].map { "\($0)" }.joined(separator: ",") + lineEnd
    }

    private static func text(_ value: (some BinaryInteger)?) -> String { value.map { "\($0)" } ?? "" }

    private static func text(_ value: Double?) -> String { value.map(NumberText.plain) ?? "" }

    /// A field that a spreadsheet shows as the text it is: one that begins like a formula gets an apostrophe before it.
    private static func field(_ text: String) -> String {
        guard let first = text.first, "=+-@\t\r".contains(first), Double(text) == nil else {
            return TextEscaping.csv(text)
        }
        return TextEscaping.csv("'" + text)
    }
}
