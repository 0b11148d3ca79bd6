// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Logging
import WorkerLink

/// What a run's coordinator is told.
enum CoordinatorInput: Sendable {
    case frame(WorkerFrame)
    case workerLost
    /// The database ended the run's leases.
    case leaseLost
    case stopRequested
    case overran
}

/// The workers with a session, what they carry, and which run each frame belongs to.
actor FleetRegistry {
    private struct Entry {
        let hello: WorkerHello
        let link: InProcessLink
        var load = 0
        var runs: [RunID: (endpoints: Int, inbox: Mailbox<CoordinatorInput>)] = [:]
    }

    private var workers: [WorkerID: Entry] = [:]
    private var isClosing = false
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// How many more endpoints the workers take.
    var room: Int { workers.values.reduce(0) { $0 + max(0, $1.hello.capacity - $1.load) } }

    /// Takes up a session and serves it until it ends. Returns once the worker has said hello, or the session ended before.
    func attach(_ link: InProcessLink) async {
        await withCheckedContinuation { (greeted: CheckedContinuation<Void, Never>) in
            Task { await self.serve(link, greeted: greeted) }
        }
    }

    private func serve(_ link: InProcessLink, greeted: CheckedContinuation<Void, Never>) async {
        var waiting: CheckedContinuation<Void, Never>? = greeted
        var id: WorkerID?
        await link.up.forEach { frame in
            if case .hello(let hello) = frame {
                guard id == nil, hello.version == WorkerHello.currentVersion else {
                    logger.error(
                        "a worker was refused", metadata: ["worker": "\(hello.name)", "version": "\(hello.version)"])
                    link.close()
                    return
                }
                id = hello.id
                workers[hello.id] = Entry(hello: hello, link: link)
                logger.info("worker online", metadata: ["worker": "\(hello.name)", "capacity": "\(hello.capacity)"])
                waiting?.resume()
                waiting = nil
            } else if let id {
                route(frame, from: id)
            }
        }
        waiting?.resume()
        if let id { lose(id) }
    }

    private func route(_ frame: WorkerFrame, from worker: WorkerID) {
        guard let run = frame.run, let entry = workers[worker]?.runs[run] else { return }
        if !entry.inbox.put(.frame(frame), isDetail: frame.isDetail) {
            logger.warning("a run's coordinator takes no more frames", metadata: ["run": "\(run)"])
        }
    }

    private func lose(_ worker: WorkerID) {
        guard let entry = workers.removeValue(forKey: worker) else { return }
        logger.log(
            level: isClosing ? .info : .warning, "worker offline",
            metadata: ["worker": "\(entry.hello.name)", "runs": "\(entry.runs.count)"])
        for run in entry.runs.values { run.inbox.put(.workerLost) }
    }

    /// Reserves room for a run's endpoints on the worker with the most; nil when none has enough.
    func reserve(_ run: RunID, endpoints: Int, inbox: Mailbox<CoordinatorInput>) -> WorkerSeat? {
        let best = workers.max { $0.value.hello.capacity - $0.value.load < $1.value.hello.capacity - $1.value.load }
        guard let best, best.value.hello.capacity - best.value.load >= endpoints else { return nil }
        workers[best.key]?.load += endpoints
        workers[best.key]?.runs[run] = (endpoints, inbox)
        return WorkerSeat(hello: best.value.hello, link: best.value.link)
    }

    /// Gives the room of a run back.
    func release(_ run: RunID) {
        for (id, entry) in workers {
            guard let held = entry.runs[run] else { continue }
            workers[id]?.load -= held.endpoints
            workers[id]?.runs[run] = nil
        }
    }

    /// Ends every session.
    func close() {
        isClosing = true
        for entry in workers.values { entry.link.close() }
    }
}

/// A worker that has room reserved for a run.
struct WorkerSeat: Sendable {
    let hello: WorkerHello
    let link: InProcessLink
}

extension WorkerFrame {
    /// The run a frame is about; nil for the hello.
    var run: RunID? {
        switch self {
        case .hello: nil
        case .alive(let run, _), .ready(let run), .refused(let run, _), .window(let run, _), .phases(let run, _),
            .bindings(let run, _),
            .results(let run, _), .traces(let run, _),
            .stopped(let run, _, _):
            run
        }
    }
}
