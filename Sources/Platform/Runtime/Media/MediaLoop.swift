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
    let dropsBefore: Int64
    var sendErrors: UInt64 = 0
    var unreachable: UInt64 = 0

    // The remote addresses in the form the system calls take, made anew only when they change.
    var rtpPeer = callmeter_address()
    var rtcpPeer = callmeter_address()
    private var knownRTP: TransportAddress?
    private var knownRTCP: TransportAddress?

    init(session: Session, id: StreamID, client: MediaClient, port: MediaPort) {
        self.session = session
        self.id = id
        self.client = client
        self.port = port
        dropsBefore = callmeter_drops(port.rtpDescriptor)
        followPeer()
    }

    /// Takes over the session's remote addresses.
    mutating func followPeer() {
        if knownRTP != session.remoteRTP {
            knownRTP = session.remoteRTP
            var endpoint = session.remoteRTP.endpoint
            callmeter_address_set(&rtpPeer, &endpoint)
        }
        if knownRTCP != session.remoteRTCP {
            knownRTCP = session.remoteRTCP
            var endpoint = session.remoteRTCP.endpoint
            callmeter_address_set(&rtcpPeer, &endpoint)
        }
    }

    /// The session's figures with the driver's own.
    func report() -> StreamReport {
        var report = session.report()
        report.sendErrors = sendErrors
        report.unreachable = unreachable
        report.droppedBySystem = UInt64(max(0, callmeter_drops(port.rtpDescriptor) - dropsBefore))
        return report
    }
}

/// One media thread's work. Made, used and left on that thread alone; only the mailbox is shared.
final class MediaLoop {
    /// Room for a received datagram: larger ones are no telephone audio and are cut.
    static var datagramLength: Int { 2048 }
    private static var second: Interval { .seconds(1) }
    /// Event batches taken before sending goes on: each descriptor of the system's usual limit of 20,000 about once.
    private static var batchesAtOnce: Int { 64 }

    let mailbox: MediaMailbox
    private let interimReports: Bool
    private var random = SeededRandom.unpredictable()
    var streams = StreamTable()
    private var indexOf: [StreamKey: Int] = [:]
    /// The stream of a descriptor, -1 when none uses it.
    var streamOf: [Int32] = []
    private var wheel: DeadlineWheel
    private var nextPhase = 0
    private var nextPublication: Instant
    private var mail: [(client: MediaClient, event: MediaEvent)] = []
    var figures = MediaFigures()
    /// When the clocks were read last: at each wake-up and each batch of datagrams.
    var wakeTime = Instant.zero
    /// Wall clock minus monotonic clock at that time.
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
        for index in streams.indices { close(at: index) }
        for case .perform(let command, let client) in mailbox.finish() {
            guard let answer = MediaMailbox.Order.perform(command, client).answerAfterShutdown else { continue }
            mail.append((client, answer))
        }
        deliverMail()
        publish()
    }

    private func readClocks() {
        wakeTime = SystemClock.now()
        clockDifference = SystemClock.wallTime().nanoseconds - wakeTime.nanoseconds
    }

    /// Sleeps until the next deadline, a datagram or an order, and takes what arrived.
    private func wait() {
        var until = interimReports || !indexOf.isEmpty ? nextPublication : Instant.distantFuture
        if let wake = wheel.nextWake { until = min(until, wake) }
        var timeout = until == .distantFuture ? -1 : max(0, (until - SystemClock.now()).nanoseconds)
        // A full batch means that more is waiting. It comes before the next packets are sent: a thread that cannot keep up
        // shall skip frames, which it counts, rather than leave the peers' packets until the system drops them.
        for _ in 0..<Self.batchesAtOnce {
            let count = callmeter_epoll_wait(mailbox.epoll, events, CALLMETER_EVENTS, timeout)
            guard count > 0 else { return }
            readClocks()
            for index in 0..<Int(count) { take(events[index]) }
            guard count == CALLMETER_EVENTS else { return }
            timeout = 0
        }
    }

    private func take(_ event: callmeter_event) {
        if event.token == MediaMailbox.wakeToken {
            callmeter_wake_drain(mailbox.wake)
            return
        }
        let descriptor = Int32(truncatingIfNeeded: event.token / 2)
        let isControl = event.token % 2 == 1
        if event.error != 0 { takeErrors(descriptor, isControl: isControl) }
        if event.readable != 0 { receive(descriptor, isControl: isControl, count: 1) }
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
            guard let index = indexOf[StreamKey(client: ObjectIdentifier(client), id: id)],
                let stream = streams[index]
            else { return }
            wheel.remove(index)
            stream.pointee.session.update(audio, at: SystemClock.now())
            stream.pointee.followPeer()
            wheel.insert(index, due: stream.pointee.session.nextDue)
        case .perform(.close(let id), let client):
            if let index = indexOf[StreamKey(client: ObjectIdentifier(client), id: id)] {
                close(at: index)
            } else {
                mail.append((client, .closed(id, StreamReport())))
            }
        case .release(let port):
            close(at: index(of: port.rtpDescriptor))
            port.closeSockets()
        }
    }

    /// The stream that uses a descriptor, -1 for none.
    func index(of descriptor: Int32) -> Int {
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
        guard index(of: port.rtpDescriptor) < 0 else {
            mail.append((client, .failed(id, .inUse)))
            return
        }
        let now = SystemClock.now()
        let start = DeadlineWheel.aligned(now + (phase ?? takePhase(of: configuration.audio.packetInterval)))
        let session = Session(
            configuration: configuration, start: start,
            clock: UnixTime(nanoseconds: start.nanoseconds + clockDifference),
            random: random.fork())
        let index = streams.insert(MediaStream(session: session, id: id, client: client, port: port))
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
        guard let leaving = streams[index] else { return }
        let port = leaving.pointee.port
        // What the kernel received before the end belongs to the stream.
        readClocks()
        receive(port.rtpDescriptor, isControl: false, count: CALLMETER_BATCH)
        receive(port.rtcpDescriptor, isControl: true, count: CALLMETER_BATCH)
        sayBye(leaving)
        wheel.remove(index)
        guard let stream = streams.remove(index) else { return }
        assign(-1, to: port)
        indexOf[StreamKey(client: ObjectIdentifier(stream.client), id: stream.id)] = nil
        mail.append((stream.client, .closed(stream.id, stream.report())))
    }
}

// MARK: Reports

extension MediaLoop {
    private func publishIfDue() {
        let now = SystemClock.now()
        guard now >= nextPublication else { return }
        nextPublication = now + Self.second
        publish()
        guard interimReports else { return }
        for index in streams.indices {
            guard let stream = streams[index] else { continue }
            mail.append((stream.pointee.client, .interim(stream.pointee.id, stream.pointee.report())))
        }
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
