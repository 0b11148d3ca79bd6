// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import RunMetrics
import SIP

@testable import Runtime

/// An owner of flows that only writes down what it is told.
final class RecordingOwner: FlowOwner {
    enum Note: Equatable {
        case received(String, FlowID, TransportAddress)
        case refused(TransportFault, TransportAddress)
        case opened(FlowID, local: TransportAddress, remote: TransportAddress)
        case ponged(FlowID)
        case failed(FlowID, TransportFault)
    }

    private(set) var notes: [Note] = []
    /// The sentences of the failures.
    private(set) var details: [String?] = []
    private(set) var cycles = 0

    func received(_ message: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress) {
        notes.append(.received(String(decoding: message, as: UTF8.self), flow, source))
    }

    func readCycleEnded() { cycles += 1 }

    func refused(_ fault: TransportFault, flow: FlowID, destination: TransportAddress) {
        notes.append(.refused(fault, destination))
    }

    func opened(_ flow: FlowID, local: TransportAddress, remote: TransportAddress) {
        notes.append(.opened(flow, local: local, remote: remote))
    }

    func ponged(_ flow: FlowID) { notes.append(.ponged(flow)) }

    func failed(_ flow: FlowID, fault: TransportFault, detail: String?) {
        notes.append(.failed(flow, fault))
        details.append(detail)
    }
}

/// One event loop with a recording owner and its flows.
struct FlowWorld {
    let loop: any EventLoop
    private let parts: NIOLoopBound<(RecordingOwner, FlowTable<RecordingOwner>)>

    init(loop: any EventLoop) async throws {
        self.loop = loop
        parts = try await loop.submit {
            NIOLoopBound((RecordingOwner(), FlowTable<RecordingOwner>(loop: loop)), eventLoop: loop)
        }.get()
    }

    /// Runs on the loop.
    func on<Result: Sendable>(
        _ body: @escaping @Sendable (RecordingOwner, FlowTable<RecordingOwner>) throws -> Result
    ) async throws -> Result {
        try await loop.submit {
            let (owner, flows) = parts.value
            return try body(owner, flows)
        }.get()
    }

    /// Starts something on the loop and waits for its future.
    func awaiting<Result: Sendable>(
        _ body: @escaping @Sendable (RecordingOwner, FlowTable<RecordingOwner>) throws -> EventLoopFuture<Result>
    ) async throws -> Result {
        try await loop.flatSubmit {
            let (owner, flows) = parts.value
            do { return try body(owner, flows) } catch { return loop.makeFailedFuture(error) }
        }.get()
    }

    /// Sends one message.
    func send(_ text: String, flow: FlowID, to destination: TransportAddress) async throws {
        try await on { _, flows in
            Array(text.utf8).withUnsafeBytes { base in
                flows.queue(0..<base.count, flow: flow, destination: destination, base: base)
                flows.flush(base: base)
            }
        }
    }

    /// Waits, for at most ten seconds, until the notes satisfy a condition; returns them either way.
    func notes(until condition: ([RecordingOwner.Note]) -> Bool) async throws -> [RecordingOwner.Note] {
        for _ in 0..<2_000 {
            let notes = try await noteList()
            if condition(notes) { return notes }
            try await Task.sleep(for: .milliseconds(5))
        }
        return try await noteList()
    }

    private func noteList() async throws -> [RecordingOwner.Note] { try await on { owner, _ in owner.notes } }
}
