// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Media

/// A stream with its sockets.
struct MediaStream {
    var session: Session
    let id: StreamID
    let client: MediaClient
    let port: MediaPort
    var peer = MediaPeer()
    var sendErrors: UInt64 = 0
    var unreachable: UInt64 = 0
    let dropsBefore: Int64
}

/// A session's remote addresses in the form the system calls take, made anew only when they change.
struct MediaPeer {
    private(set) var rtp = callmeter_address()
    private(set) var rtcp = callmeter_address()
    private var knownRTP: TransportAddress?
    private var knownRTCP: TransportAddress?

    mutating func follow(_ session: borrowing Session) {
        if knownRTP != session.remoteRTP {
            knownRTP = session.remoteRTP
            var endpoint = session.remoteRTP.endpoint
            callmeter_address_set(&rtp, &endpoint)
        }
        if knownRTCP != session.remoteRTCP {
            knownRTCP = session.remoteRTCP
            var endpoint = session.remoteRTCP.endpoint
            callmeter_address_set(&rtcp, &endpoint)
        }
    }
}

/// One media thread's work. Made, used and left on that thread alone; only the mailbox is shared.
final class MediaLoop {
    /// Room for a received datagram: larger ones are no telephone audio and are cut.
    static var datagramLength: Int { 2048 }
    private static var second: Interval { .seconds(1) }

    let mailbox: MediaMailbox
    private let interimReports: Bool
    private var random = SeededRandom.unpredictable()
    var streams: [MediaStream?] = []
    private var vacant: [Int] = []
    private var indexOf: [StreamKey: Int] = [:]
    /// The stream of a descriptor, -1 when none uses it.
    var streamOf: [Int32] = []
    private var wheel: DeadlineWheel
    private var nextPhase = 0
    private var nextPublication: Instant
    private var mail: [(client: MediaClient, event: MediaEvent)] = []
    var figures = MediaFigures()
    /// Wall clock minus monotonic clock, read at each wake-up.
    var clockDifference: Int64 = 0

    let output: UnsafeMutableRawBufferPointer
    let received: UnsafeMutablePointer<callmeter_packet>
    private let input: UnsafeMutableRawBufferPointer
    private let events: UnsafeMutablePointer<callmeter_event>

    private struct StreamKey: Hashable {
        let client: ObjectIdentifier
        let id: StreamID
    }

    init(mailbox: MediaMailbox, interimReports: Bool) {
        self.mailbox = mailbox
        self.interimReports = interimReports
        let now = SystemClock.now()
        wheel = DeadlineWheel(now: now)
        nextPublication = now + Self.second
        let batch = Int(CALLMETER_BATCH)
        output = .allocate(byteCount: Self.datagramLength, alignment: 16)
        input = .allocate(byteCount: batch * Self.datagramLength, alignment: 16)
        received = .allocate(capacity: batch)
        events = .allocate(capacity: Int(CALLMETER_EVENTS))
        events.initialize(repeating: callmeter_event(), count: Int(CALLMETER_EVENTS))
        for index in 0..<batch {
            var packet = callmeter_packet()
            packet.data = input.baseAddress?.advanced(by: index * Self.datagramLength)
            packet.capacity = UInt32(Self.datagramLength)
            (received + index).initialize(to: packet)
        }
    }

    deinit {
        output.deallocate()
        input.deallocate()
        received.deallocate()
        events.deallocate()
    }

    func run() {
        while true {
            let letters = mailbox.receive()
            readClocks()
            for order in letters.orders { perform(order) }
            if letters.isStopping { break }
            sendDue()
            publishIfDue()
            deliverMail()
            wait()
        }
        for index in streams.indices where streams[index] != nil { close(at: index) }
        for case .perform(let command, let client) in mailbox.finish() {
            guard let answer = MediaMailbox.Order.perform(command, client).answerAfterShutdown else { continue }
            mail.append((client, answer))
        }
        deliverMail()
        publish()
    }

    private func readClocks() {
        clockDifference = SystemClock.wallTime().nanoseconds - SystemClock.now().nanoseconds
    }

    /// Sleeps until the next deadline, a datagram or an order, and takes what arrived.
    private func wait() {
        var until = interimReports || !indexOf.isEmpty ? nextPublication : Instant.distantFuture
        if let wake = wheel.nextWake { until = min(until, wake) }
        let timeout = until == .distantFuture ? -1 : max(0, (until - SystemClock.now()).nanoseconds)
        let count = callmeter_epoll_wait(mailbox.epoll, events, CALLMETER_EVENTS, timeout)
        guard count > 0 else { return }
        readClocks()
        for index in 0..<Int(count) {
            let event = events[index]
            if event.token == MediaMailbox.wakeToken {
                callmeter_wake_drain(mailbox.wake)
            } else {
                let descriptor = Int32(truncatingIfNeeded: event.token / 2)
                let isControl = event.token % 2 == 1
                if event.error != 0 { takeErrors(descriptor, isControl: isControl) }
                if event.readable != 0 { receive(descriptor, isControl: isControl, count: 1) }
            }
        }
    }

    private func sendDue() {
        let now = SystemClock.now()
        while let index = wheel.takeDue(at: now) { wheel.insert(index, due: service(index)) }
    }
}

// MARK: Orders

extension MediaLoop {
    private func perform(_ order: MediaMailbox.Order) {
        switch order {
        case .perform(.open(let id, let port, let configuration, let phase), let client):
            open(id, port, configuration, phase, client)
        case .perform(.update(let id, let audio), let client):
            guard let index = indexOf[StreamKey(client: ObjectIdentifier(client), id: id)] else { return }
            wheel.remove(index)
            streams[index]?.session.update(audio, at: SystemClock.now())
            guard let stream = streams[index] else { return }
            streams[index]?.peer.follow(stream.session)
            wheel.insert(index, due: stream.session.nextDue)
        case .perform(.close(let id), let client):
            if let index = indexOf[StreamKey(client: ObjectIdentifier(client), id: id)] {
                close(at: index)
            } else {
                mail.append((client, .closed(id, StreamReport())))
            }
        case .release(let port):
            let index = stream(of: port.rtpDescriptor)
            if index >= 0 { close(at: index) }
            port.closeSockets()
        }
    }

    /// The stream that uses a descriptor, -1 for none.
    func stream(of descriptor: Int32) -> Int {
        Int(descriptor) < streamOf.count ? Int(streamOf[Int(descriptor)]) : -1
    }

    private func assign(_ index: Int, to port: MediaPort) {
        let highest = Int(max(port.rtpDescriptor, port.rtcpDescriptor))
        if streamOf.count <= highest { streamOf += [Int32](repeating: -1, count: highest + 1 - streamOf.count) }
        streamOf[Int(port.rtpDescriptor)] = Int32(index)
        streamOf[Int(port.rtcpDescriptor)] = Int32(index)
    }

    private func open(
        _ id: StreamID, _ port: MediaPort, _ configuration: StreamConfiguration, _ phase: Interval?,
        _ client: MediaClient
    ) {
        guard stream(of: port.rtpDescriptor) < 0 else {
            mail.append((client, .failed(id, .inUse)))
            return
        }
        let now = SystemClock.now()
        let start = DeadlineWheel.aligned(now + (phase ?? takePhase(of: configuration.audio.packetInterval)))
        let session = Session(
            configuration: configuration, start: start,
            clock: UnixTime(nanoseconds: start.nanoseconds + clockDifference),
            random: random.fork())
        var stream = MediaStream(
            session: session, id: id, client: client, port: port, dropsBefore: callmeter_drops(port.rtpDescriptor))
        stream.peer.follow(session)
        let index = vacant.popLast() ?? streams.count
        if index == streams.count { streams.append(nil) }
        streams[index] = stream
        indexOf[StreamKey(client: ObjectIdentifier(client), id: id)] = index
        assign(index, to: port)
        wheel.insert(index, due: session.nextDue)
    }

    /// Spreads streams over the interval in steps of 7 ticks, which 20, 30, 40 and 60 do not divide.
    private func takePhase(of interval: Interval) -> Interval {
        let ticks = max(1, Int(interval.nanoseconds / DeadlineWheel.tick))
        nextPhase = (nextPhase + 7) % ticks
        return Interval(nanoseconds: Int64(nextPhase) * DeadlineWheel.tick)
    }

    private func close(at index: Int) {
        guard let port = streams[index]?.port else { return }
        // What the kernel received before the end belongs to the stream.
        receive(port.rtpDescriptor, isControl: false, count: CALLMETER_BATCH)
        receive(port.rtcpDescriptor, isControl: true, count: CALLMETER_BATCH)
        sayBye(index)
        wheel.remove(index)
        guard let stream = streams[index].take() else { return }
        vacant.append(index)
        assign(-1, to: port)
        indexOf[StreamKey(client: ObjectIdentifier(stream.client), id: stream.id)] = nil
        mail.append((stream.client, .closed(stream.id, stream.report())))
    }
}

// MARK: Reports

extension MediaStream {
    func report() -> StreamReport {
        var report = session.report()
        report.sendErrors = sendErrors
        report.unreachable = unreachable
        report.droppedBySystem = UInt64(max(0, callmeter_drops(port.rtpDescriptor) - dropsBefore))
        return report
    }
}

extension MediaLoop {
    private func publishIfDue() {
        let now = SystemClock.now()
        guard now >= nextPublication else { return }
        nextPublication = now + Self.second
        publish()
        guard interimReports else { return }
        for case .some(let stream) in streams { mail.append((stream.client, .interim(stream.id, stream.report()))) }
    }

    private func publish() {
        figures.cpu = Interval(nanoseconds: callmeter_thread_cpu())
        mailbox.publish(figures)
    }

    /// Gives each client its events in one call.
    private func deliverMail() {
        while let client = mail.first?.client {
            client.sink(mail.compactMap { $0.client === client ? $0.event : nil })
            mail.removeAll { $0.client === client }
        }
    }
}
