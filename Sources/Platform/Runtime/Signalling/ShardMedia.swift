// SPDX-License-Identifier: Apache-2.0

import Media
import NIOCore

/// What the media side gives a shard for its endpoints: port pairs by stream, and what to play.
struct MediaSupply: Sendable {
    let engine: MediaEngine
    let material: AudioMaterial
    var ports: [UInt64: MediaPort]
}

/// A shard's side of the media threads: its streams' ports, and commands and reports in batches. Confined to the shard's loop.
final class ShardMedia {
    private let loop: any EventLoop
    private var client: MediaClient?
    private var material: AudioMaterial?
    private var ports: [UInt64: MediaPort] = [:]
    private var commands: [MediaCommand] = []
    private var portless: [UInt64] = []
    private var report: (([(stream: UInt64, report: StreamReport)]) -> Void)?

    init(loop: any EventLoop) { self.loop = loop }

    /// Takes port pairs for further streams; `report` hears of ended streams, on the loop.
    func supply(
        _ supply: MediaSupply, report: @escaping ([(stream: UInt64, report: StreamReport)]) -> Void
    ) {
        ports.merge(supply.ports) { $1 }
        material = supply.material
        self.report = report
        guard client == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        client = MediaClient(engine: supply.engine) { events in
            loop.execute { bound.value.take(events) }
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

    /// Nothing is told any more.
    func stop() {
        report = nil
        client = nil
    }

    private func take(_ events: [MediaEvent]) {
        let ended = events.compactMap { event -> (stream: UInt64, report: StreamReport)? in
            if case .closed(let stream, let report) = event { (stream, report) } else { nil }
        }
        if !ended.isEmpty { report?(ended) }
    }
}
