// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import NIOCore

extension TransportAddress {
    /// The address of a NIO channel or datagram; nil for Unix sockets.
    init?(_ address: SocketAddress) {
        var endpoint = callmeter_endpoint()
        guard address.withSockAddr({ pointer, _ in callmeter_endpoint_read(pointer, &endpoint) }) == 1 else {
            return nil
        }
        self.init(endpoint)
    }

    /// The same address for the C shim.
    init(_ endpoint: callmeter_endpoint) {
        self.init(
            ip: endpoint.is_v6 != 0
                ? .v6(high: endpoint.high, low: endpoint.low) : .v4(UInt32(truncatingIfNeeded: endpoint.low)),
            port: endpoint.port)
    }

    /// The same address as the C shim takes it.
    var endpoint: callmeter_endpoint {
        switch ip {
        case .v4(let value): callmeter_endpoint(high: 0, low: UInt64(value), port: port, is_v6: 0)
        case .v6(let high, let low): callmeter_endpoint(high: high, low: low, port: port, is_v6: 1)
        }
    }

    /// The same address for NIO.
    var socketAddress: SocketAddress {
        get throws { try SocketAddress(ipAddress: ip.text, port: Int(port)) }
    }

    /// Whether it is 0.0.0.0 or ::, "any address of this machine".
    var isUnspecified: Bool {
        switch ip {
        case .v4(let value): value == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }
}
