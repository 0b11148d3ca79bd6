// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import UserAgent

/// What befalls the world.
extension Simulation {
    /// Puts the moments of a trouble into the queue.
    func schedule(_ trouble: Trouble, _ number: Int) {
        func at(_ moment: Interval) { _ = queue.schedule(.trouble(number), at: .zero + moment) }
        switch trouble {
        case .restart(let moment, _, _, _), .leap(let moment, _), .doze(_, let moment, _, _),
            .stillClock(_, let moment, _), .deadFlow(_, let moment, _, _), .echoes(let moment, _), .end(let moment, _):
            at(moment)
        case .lossBurst(let from, _, _, _), .slowAnswers(let from, _, _, _), .challengeStorm(let from, _, _, _):
            at(from)
        case .forgedChallenges(let share): weather.forgedShare = max(weather.forgedShare, share)
        case .impatience: break
        case .pranks(let kind, let from, let until, let count):
            for _ in 0..<count {
                let moment = from + (until - from) * troubleRandom.unit()
                _ = queue.schedule(.prank(kind), at: .zero + moment)
            }
        case .commands(let count, let until):
            for _ in 0..<count {
                _ = queue.schedule(.command(randomCommand()), at: .zero + until * troubleRandom.unit())
            }
        }
    }

    private func randomCommand() -> AgentCommand {
        let endpoint = UInt32(troubleRandom.next() % UInt64(plan.endpoints))
        let target = Array("sip:user\(troubleRandom.next() % UInt64(plan.endpoints))@".utf8) + Self.realm
        switch troubleRandom.next() % 8 {
        case 0, 1, 2: return .hangUp(endpoint: endpoint)
        case 3, 4: return .call(endpoint: endpoint, target: .uri(target), at: .zero)
        case 5: return .register(endpoint: endpoint, at: .zero)
        case 6: return .abandon(endpoint: endpoint, partner: endpoint ^ 1)
        default: return .finish(endpoint: endpoint)
        }
    }

    func befall(_ trouble: Trouble) {
        weather.clear(now)
        switch trouble {
        case .restart(_, let down, let refuses, let moves): restart(down: down, refuses: refuses, moves: moves)
        case .lossBurst(_, let until, let share, let way): weather.losses.append((.zero + until, share, way))
        case .slowAnswers(_, let until, let share, let delay):
            weather.slowness.append((.zero + until, share, delay))
        case .leap(_, let by): now = now + by
        case .doze(let host, _, let length, let loses):
            pause(host, for: length, isAsleep: true, isDeaf: loses)
        case .stillClock(let host, _, let length): pause(host, for: length, isAsleep: false, isDeaf: false)
        case .deadFlow(let endpoint, _, let fault, let reopens):
            let link = network.link(of: endpoint)
            if let connection = network.links[link].connection {
                closeConnection(connection, fault: fault)
            } else {
                failFlow(link, fault: fault)
            }
            if let reopens { _ = queue.schedule(.reopenFlow(link: link), at: now + reopens) }
        case .challengeStorm(_, let until, let share, let kind):
            weather.storms.append((.zero + until, share, kind))
        case .echoes(_, let count): echo(count)
        case .end(_, let deadline):
            for place in shards.indices {
                if let deadline {
                    tell(.finishAll(deadline: clock(.shard(place)) + deadline), place)
                } else {
                    for index in stride(from: place, to: plan.endpoints, by: shards.count) { finish(index) }
                }
            }
        case .forgedChallenges, .impatience, .pranks, .commands: break
        }
    }

    private func pause(_ host: Trouble.Host, for length: Interval, isAsleep: Bool, isDeaf: Bool) {
        if case .shard(let place) = host, place >= shards.count { return }
        // A clock that was standing still already goes on from where it stands.
        let present = clock(host)
        weather.pauses.append(
            Weather.Pause(host: host, clock: present, until: now + length, isAsleep: isAsleep, isDeaf: isDeaf))
        _ = queue.schedule(.wake, at: now + length)
    }

    private func restart(down: Interval, refuses: Bool, moves: Bool) {
        report.bindings += pbx.statistics.registrations
        pbx = makeServer(&random)
        if moves { network.moveServer() }
        pbx.flowOpened(Network.serverFlow, transport: .udp, local: network.server)
        weather.serverIsDown = true
        weather.serverRefuses = refuses
        _ = queue.schedule(.serverStarts, at: now + down)
        for connection in network.connections.indices where network.connections[connection].isOpen {
            closeConnection(connection, fault: .reset)
            if troubleRandom.chance(0.7) {
                _ = queue.schedule(
                    .reopenFlow(link: network.connections[connection].link), at: now + down + .seconds(1))
            }
        }
    }

    private func echo(_ count: Int) {
        for _ in 0..<count {
            guard let datagram = watch.anyDatagram(&troubleRandom) else { return }
            report.pranks += 1
            _ = queue.schedule(.deliver(datagram), at: now)
        }
    }
}

extension Interval {
    /// A part of the interval.
    static func * (left: Interval, right: Double) -> Interval {
        Interval(nanoseconds: Int64(Double(left.nanoseconds) * right))
    }
}
