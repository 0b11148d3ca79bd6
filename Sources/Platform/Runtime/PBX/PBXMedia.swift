// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import PBX

/// The audio of the answering extensions: a port pair for each call, given back with it. Confined to the server's loop.
final class PBXMedia {
    private let engine: MediaEngine
    private let client: MediaClient
    private let tone = AudioMaterial.tone()
    private var ports: [UInt64: MediaPort] = [:]

    init(engine: MediaEngine) {
        self.engine = engine
        // The server judges nobody's audio: its own reports are dropped.
        client = MediaClient(engine: engine) { _ in }
    }

    /// Binds a port pair for a call; nil when there is none.
    func reserve(_ call: UInt64, ip: TransportAddress.IP) -> TransportAddress? {
        guard let port = try? engine.reserve(ip: ip, count: 1).first else { return nil }
        ports[call] = port
        return port.rtp
    }

    func open(_ call: UInt64, _ kind: ExtensionMedia, _ audio: NegotiatedAudio) {
        guard let port = ports[call] else { return }
        let source: StreamSource =
            switch kind {
            case .echo: .echo
            case .tone: .material(tone)
            }
        client.submit([.open(call, port, StreamConfiguration(audio: audio, source: source, isSymmetric: true))])
    }

    func update(_ call: UInt64, _ audio: NegotiatedAudio) { client.submit([.update(call, audio)]) }

    func close(_ call: UInt64) {
        guard let port = ports.removeValue(forKey: call) else { return }
        client.submit([.close(call)])
        engine.release([port])
    }

    /// Gives all ports back.
    func stop() {
        engine.release(Array(ports.values))
        ports.removeAll()
    }
}
