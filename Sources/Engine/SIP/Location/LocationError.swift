// SPDX-License-Identifier: Apache-2.0

/// Why no server was found, in words for the user.
public enum LocationError: Error, Hashable, Sendable {
    /// The host is neither an address nor a name that can be asked about.
    case notAName(String)
    /// The DNS knows no such name.
    case noSuchName(String)
    /// The name is there, and has nothing of use.
    case noRecords(String)
    /// The domain's SRV records say that the service is not offered (target `.`, RFC 2782).
    case serviceNotOffered(String)
    /// The SRV records name hosts, none of which has an address.
    case hostsWithoutAddress(String, hosts: [String])
    /// The DNS gave no usable answer to the question.
    case dns(DNSFailure, DNSQuestion)

    /// What is wrong, and where.
    ///
    /// - Parameter server: the DNS server asked, for people; nil for the system's.
    public func text(server: String?) -> String {
        let dns = server.map { "the DNS server \($0)" } ?? "the system's DNS server"
        return switch self {
        case .notAName(let host): "'\(host)' is neither an IP address nor a host name"
        case .noSuchName(let name): "the name \(name) does not exist: it has no SRV, NAPTR or address record"
        case .noRecords(let name): "the name \(name) has no SRV, NAPTR or address record"
        case .serviceNotOffered(let name): "the SRV records of \(name) say that it offers no SIP service"
        case .hostsWithoutAddress(let name, let hosts):
            "the SRV records of \(name) name \(hosts.joined(separator: ", ")), which "
                + (hosts.count == 1 ? "has no address" : "have no address")
        case .dns(.silent, _): "\(dns) does not answer"
        case .dns(.refusedConnection, _): "\(dns) does not answer: nothing listens there"
        case .dns(.serverError(let code), let question):
            "\(dns) could not answer for \(question.name) (\(Self.name(ofCode: code)))"
        case .dns(.malformed, let question): "\(dns) sent a broken answer for \(question.name)"
        case .dns(.cancelled, let question): "the look-up of \(question.name) was given up"
        case .dns(.local(let words), let question): "\(question.name) could not be looked up: \(words)"
        }
    }

    /// The name of a response code (RFC 1035 §4.1.1).
    private static func name(ofCode code: UInt8) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: "response code \(code)"
        }
    }
}
