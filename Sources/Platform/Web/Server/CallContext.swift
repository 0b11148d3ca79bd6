// SPDX-License-Identifier: Apache-2.0

public import ControlPlane
import FoundationEssentials
public import Hummingbird

/// What goes along with one request: who asks, and the router's own values.
public struct CallContext: RequestContext {
    /// The router's own values.
    /// The router's own values.
    public var coreContext: CoreRequestContextStorage
    /// Who asks; nil until the request was authenticated, and on routes that need no key.
    public var caller: Principal?

    /// The context of a request that has just come in.
    /// The context of one request.
    public init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
    }

    /// JSON bodies are small; imports do not go through here but are streamed.
    public var maxUploadSize: Int { WebLimits.largestBody }

    /// The caller of a route behind `Authentication`.
    func principal() throws(ControlPlaneError) -> Principal {
        guard let caller else {
            throw ControlPlaneError(.unauthenticated, "this route needs an API key: 'Authorization: Bearer cmk_…'")
        }
        return caller
    }
}

/// Bounds on what a client may send or hold open, each with its reason.
public enum WebLimits {
    /// The largest JSON body: a test with its 100 groups has under 64 KiB.
    public static let largestBody = 1_048_576
    /// The largest body that holds one password: username, password, realm and extension at their limits, all escaped.
    public static let largestAccountBody = 16_384
    /// The largest import: four million lines of 128 bytes.
    public static let largestImport = 536_870_912
    /// Open event streams: each holds a connection and a queue.
    public static let mostEventStreams = 256
    /// Sessions at once; the oldest goes when one more comes.
    public static let mostSessions = 1_000
    /// A session lasts a working day.
    public static let sessionSeconds: Int64 = 43_200
    /// One-time links wait this long.
    public static let linkSeconds: Int64 = 3_600
}
