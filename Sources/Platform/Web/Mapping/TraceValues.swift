// SPDX-License-Identifier: Apache-2.0

public import API
import Bedrock
import Reports
public import RunMetrics

extension API.Trace {
    /// A trace as the API shows it.
    public init(_ trace: EndpointTrace) {
        self.init(
            endpoint: Int(trace.endpoint), startedAt: trace.startedAt.text, truncated: trace.isTruncated,
            messages: trace.messages.map { message in
                TraceMessage(
                    at: (trace.startedAt + message.at).text, ms: message.at.milliseconds, sent: message.isSent,
                    transport: message.transport.name, local: "\(message.local)", remote: "\(message.remote)",
                    length: message.length, text: String(decoding: message.bytes, as: UTF8.self))
            })
    }
}
