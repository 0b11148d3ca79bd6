// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import Hummingbird
import RunMetrics

/// `/runs/{run}/windows`: a run second by second.
struct WindowRoutes {
    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("runs/{run}/windows") { request, context in
            let from = UInt32(clamping: try context.number("from", request) ?? 0)
            let to = UInt32(clamping: try context.number("to", request) ?? Int(UInt32.max))
            guard from <= to else {
                throw ControlPlaneError(.invalid, "'from' lies after 'to'", details: ["field": "from"])
            }
            let windows = try await plane.runs.windows(
                of: context.id("run"), in: from...to, by: context.principal())
            return try Answer.data(windows.map(RunWindow.init), context)
        }
    }
}
