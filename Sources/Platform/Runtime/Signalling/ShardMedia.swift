// SPDX-License-Identifier: Apache-2.0

import Media

/// What the media side gives a shard for its endpoints: port pairs by stream, and what to play.
struct MediaSupply: Sendable {
    let engine: MediaEngine
    let material: AudioMaterial
    var ports: [UInt64: MediaPort]
}

/// A shard's side of the media threads: its streams' ports, and commands and reports in batches. Confined to the
/// shard's thread.
final class ShardMedia {
    private let post: @Sendable ([(stream: UInt64, report: StreamReport)]) -> Void
    private var client: MediaClient?
    private var material: AudioMaterial?
    private var ports: [UInt64: MediaPort] = [:]
    private var commands: [MediaCommand] = []
    private var portless: [UInt64] = []

    /// - Parameter post: hears of ended streams, on the media threads.
    init(post: @escaping @Sendable ([(stream: UInt64, report: StreamReport)]) -> Void) { self.post = post }

    /// Takes port pairs for further streams.
    func supply(_ supply: MediaSupply) {
        ports.merge(supply.ports) { $1 }
        material = supply.material
        guard client == nil else { return }
        client = MediaClient(engine: supply.engine) { [post] events in
            let ended = events.compactMap { event -> (stream: UInt64, report: StreamReport)? in
                if case .closed(let stream, let report) = event { (stream, report) } else { nil }
            }
            if !ended.isEmpty { post(ended) }
        }
    }

    func open(_ stream: UInt64, _ audio: NegotiatedAudio) {
        guard let port = ports[stream], let material else { return }
        commands.append(.open(stream, port, StreamConfiguration(audio: audio, source: .material(material))))
    }

    func update(_ stream: UInt64, _ audio: NegotiatedAudio) { commands.append(.update(stream, audio)) }

    func close(_ stream: UInt64) {
        if client == nil { portless.append(stream) } else { commands.append(.close(stream)) }
    }

    /// Hands the commands over. Answers the closed streams of which no report will come, because there is no media side.
    func flush() -> [UInt64] {
        if !commands.isEmpty {
            client?.submit(commands)
            commands.removeAll(keepingCapacity: true)
        }
        defer { portless.removeAll(keepingCapacity: true) }
        return portless
    }
}
