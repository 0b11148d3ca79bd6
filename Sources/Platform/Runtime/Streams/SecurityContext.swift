// SPDX-License-Identifier: Apache-2.0

import Bedrock
import FoundationEssentials
import NIOCore
import NIOSSL
import RunMetrics
import SwiftASN1
import Synchronization
import X509

/// What all connections under one profile share: the TLS library's context, and the verdicts on the chains seen, because a
/// thousand endpoints are shown the same one.
final class SecurityContext: Sendable {
    private struct Verdict {
        let chain: [[UInt8]]
        let problem: CertificateProblem?
        let reachedAt: Instant
    }

    /// How long a verdict is used again: a certificate that expires meanwhile is noticed soon enough.
    private static let verdictLifetime = Interval.seconds(30)
    /// Servers behind one name that show different chains.
    private static let verdictLimit = 16

    let profile: SecurityProfile
    /// The name without the brackets of IPv6.
    let serverName: String
    private let context: NIOSSLContext
    private let judge: CertificateJudge?
    private let verdicts = Mutex<[Verdict]>([])

    /// Reads the files.
    init(_ profile: SecurityProfile) throws(SecurityProblem) {
        self.profile = profile
        serverName = profile.serverName.filter { $0 != "[" && $0 != "]" }
        judge = try Self.judge(profile.trust, name: serverName)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // Chains are judged by us, so the library needs no authorities of its own.
        configuration.trustRoots = .certificates([])
        configuration.certificateVerification = judge == nil ? .none : .noHostnameVerification
        switch (profile.certificateFile, profile.keyFile) {
        case (let certificate?, let key?):
            configuration.certificateChain = try PEMFiles.certificates(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try PEMFiles.key(key))
        case (nil, nil): break
        default: throw SecurityProblem(description: "a client certificate needs both its file and the file of its key")
        }
        let files = [profile.certificateFile, profile.keyFile].compactMap(\.self).joined(separator: ", ")
        context = try PEMFiles.context(configuration, files: files)
    }

    private static func judge(_ trust: SecurityProfile.Trust, name: String) throws(SecurityProblem) -> CertificateJudge?
    {
        switch trust {
        case .system: return CertificateJudge(roots: .systemTrustRoots, pinned: [], name: name)
        case .anybody: return nil
        case .authorities(let file):
            var roots: [Certificate] = []
            for certificate in try PEMFiles.certificates(file) {
                guard let bytes = try? certificate.toDERBytes(), let root = try? Certificate(derEncoded: bytes) else {
                    throw SecurityProblem(description: "\(file) holds a certificate that cannot be read")
                }
                roots.append(root)
            }
            return CertificateJudge(roots: CertificateStore(roots), pinned: roots, name: name)
        }
    }

    /// The handler of one connection. `refusing` hears, on its loop, why the chain is not accepted.
    func handler(refusing: @escaping (CertificateProblem) -> Void) throws -> NIOSSLClientHandler {
        // SNI is for names only (RFC 6066 §3).
        let isNumeric = serverName.isEmpty || TransportAddress.IP(serverName) != nil
        let name = isNumeric ? nil : serverName
        guard let judge else { return try NIOSSLClientHandler(context: context, serverHostname: name) }
        return try NIOSSLClientHandler(context: context, serverHostname: name) { [self] shown, promise in
            let loop = promise.futureResult.eventLoop
            let judged = loop.makePromise(of: CertificateProblem?.self)
            judged.futureResult.assumeIsolated().whenComplete { result in
                switch result {
                case .success(nil): promise.succeed(.certificateVerified)
                case .success(let problem?):
                    refusing(problem)
                    promise.succeed(.failed)
                case .failure: promise.succeed(.failed)
                }
            }
            consider(shown, judge, judged)
        }
    }

    private func consider(
        _ shown: [NIOSSLCertificate], _ judge: CertificateJudge, _ judged: EventLoopPromise<CertificateProblem?>
    ) {
        let chain = shown.map { (try? $0.toDERBytes()) ?? [] }
        let now = SystemClock.now()
        let known = verdicts.withLock { verdicts in
            verdicts.removeAll { $0.reachedAt + Self.verdictLifetime < now }
            return verdicts.first { $0.chain == chain }
        }
        if let known { return judged.succeed(known.problem) }
        Task {
            let problem = await self.problem(with: chain, judge)
            self.verdicts.withLock { verdicts in
                if verdicts.count >= Self.verdictLimit { verdicts.removeFirst() }
                verdicts.append(Verdict(chain: chain, problem: problem, reachedAt: now))
            }
            judged.succeed(problem)
        }
    }

    private func problem(with chain: [[UInt8]], _ judge: CertificateJudge) async -> CertificateProblem? {
        do {
            return await judge.problem(with: try chain.map { try Certificate(derEncoded: $0) }, at: Date())
        } catch {
            return CertificateProblem(
                fault: .certificateUntrusted, detail: "the server's certificate cannot be read: \(error)")
        }
    }
}
