// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
public import Logging
import Runtime
import Synchronization
public import WorkerLink

/// Plays the segments that a controller assigns over one session, and forgets them.
public struct Worker: Sendable {
    /// What a worker is made with.
    public struct Configuration: Sendable {
        /// For people: host name or label.
        public var name: String
        /// How many endpoints it takes at once.
        public var capacity: Int
        /// Event loops for SIP, each a thread; at least 1.
        public var loops: Int
        /// Threads for RTP; at least 1.
        public var mediaThreads: Int

        /// A configuration from its parts.
        public init(name: String, capacity: Int = 100_000, loops: Int = 1, mediaThreads: Int = 1) {
            self.name = name
            self.capacity = max(1, capacity)
            self.loops = max(1, loops)
            self.mediaThreads = max(1, mediaThreads)
        }
    }

    private let configuration: Configuration
    private let logger: Logger
    /// Kept over segments, for as long as the answers live.
    private let locator = ServerLocator()

    /// A worker without a session.
    public init(configuration: Configuration, logger: Logger = Logger(label: "callmeter.worker")) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Says hello and serves the session until it ends. Segments still going then are hung up, un-registered and wiped before
    /// this returns.
    public func serve(_ link: InProcessLink) async {
        let key = SessionKey()
        var random = SystemRandomNumberGenerator()
        let id = WorkerID(at: UnixTime(nanoseconds: 0), random: &random)
        link.up.put(
            .hello(
                WorkerHello(
                    id: id, name: configuration.name, capacity: configuration.capacity, sessionKey: key.publicKey)))
        let segments = SegmentTable()
        await withDiscardingTaskGroup { tasks in
            await link.down.forEach { frame in
                switch frame {
                case .assign(let assignment):
                    let segment = Segment(
                        assignment: assignment, key: key, configuration: configuration, locator: locator, up: link.up,
                        logger: logger)
                    segments.add(segment)
                    tasks.addTask {
                        await segment.play()
                        segments.remove(segment)
                    }
                case .start(let run, let fence): segments.put(.start, to: run, fence: fence)
                case .stop(let run, let fence, let drain): segments.put(.stop(drain: drain), to: run, fence: fence)
                case .renewed(let run, let fence, let number): segments.put(.renewed(number), to: run, fence: fence)
                case .revoke(let run, let fence): segments.put(.revoked, to: run, fence: fence)
                }
            }
            segments.putToAll(.orphaned)
        }
        logger.info("session ended", metadata: ["worker": "\(configuration.name)"])
    }
}

/// The segments of a session that are not over.
private final class SegmentTable: Sendable {
    private let segments = Mutex<[RunID: Segment]>([:])

    func add(_ segment: Segment) { segments.withLock { $0[segment.assignment.run] = segment } }

    func remove(_ segment: Segment) {
        segments.withLock { table in
            if table[segment.assignment.run] === segment { table[segment.assignment.run] = nil }
        }
    }

    /// A frame with another fencing number than the segment's is out of date and passed over.
    func put(_ input: SegmentInput, to run: RunID, fence: Int64) {
        guard let segment = segments.withLock({ $0[run] }), segment.assignment.fence == fence else { return }
        segment.inbox.put(input)
    }

    func putToAll(_ input: SegmentInput) {
        for segment in segments.withLock({ Array($0.values) }) { segment.inbox.put(input) }
    }
}
