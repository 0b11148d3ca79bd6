// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import FoundationEssentials
import NIOCore
import NIOPosix
import NIOSSL
import SwiftASN1
import X509

/// One certificate of a chain that a server showed.
public struct ShownCertificate: Hashable, Sendable {
    /// Whose it is, and who issued it.
    public let subject: String
    /// Who issued it.
    public let issuer: String
    /// The days between which it is valid, `2026-11-23`.
    public let from: String
    /// The last day.
    public let until: String
    /// Days from now to the last one; negative once it has expired.
    public let daysLeft: Int
}

/// Asks a TLS server for its certificates and goes away again; nothing is judged and nothing is sent.
public enum CertificateProbe {
    private static let patience = TimeAmount.seconds(5)

    /// The chain of the server at an address, its own certificate first.
    ///
    /// - Parameter name: the name for SNI; a numeric one is not sent (RFC 6066 §3).
    /// - Throws: what the system or the TLS library said.
    public static func chain(at address: TransportAddress, name: String) async throws -> [ShownCertificate] {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let shown = loop.makePromise(of: [[UInt8]].self)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([])
        configuration.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: configuration)
        let isName = !name.isEmpty && TransportAddress.IP(name.filter { $0 != "[" && $0 != "]" }) == nil
        let channel = ClientBootstrap(group: loop).connectTimeout(patience)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(context: context, serverHostname: isName ? name : nil) {
                        certificates, verdict in
                        shown.succeed(certificates.map { (try? $0.toDERBytes()) ?? [] })
                        verdict.succeed(NIOSSLVerificationResult.failed)
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(to: try address.socketAddress)
        channel.whenFailure { shown.fail($0) }
        channel.whenSuccess { channel in
            channel.closeFuture.whenComplete { _ in shown.fail(ChannelError.eof) }
            _ = loop.scheduleTask(in: patience) { channel.close(promise: nil) }
        }
        let chain = try await shown.futureResult.get()
        return chain.compactMap { try? Certificate(derEncoded: $0) }.map { described($0, at: Date()) }
    }

    private static func described(_ certificate: Certificate, at now: Date) -> ShownCertificate {
        func day(_ date: Date) -> String { date.formatted(Date.ISO8601FormatStyle().year().month().day()) }
        return ShownCertificate(
            subject: "\(certificate.subject)".printable, issuer: "\(certificate.issuer)".printable,
            from: day(certificate.notValidBefore), until: day(certificate.notValidAfter),
            daysLeft: Int((certificate.notValidAfter.timeIntervalSince(now) / 86_400).rounded(.down)))
    }
}
