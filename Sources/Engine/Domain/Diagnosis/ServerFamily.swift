// SPDX-License-Identifier: Apache-2.0

import RunMetrics

/// Which product answers, as far as its Server or User-Agent header says: remedies are told in its words.
public enum ServerFamily: String, Hashable, Sendable, Codable, CaseIterable {
    case asterisk, freeswitch, kamailio, opensips, other

    /// The family that a banner names.
    public init(banner: String?) {
        let text = banner?.lowercased() ?? ""
        self =
            if text.contains("asterisk") || text.contains("fpbx") {
                .asterisk
            } else if text.contains("freeswitch") {
                .freeswitch
            } else if text.contains("kamailio") || text.contains("openser") {
                .kamailio
            } else if text.contains("opensips") {
                .opensips
            } else {
                .other
            }
    }

    /// How the product is written; nil for others.
    var name: String? {
        switch self {
        case .asterisk: "Asterisk"
        case .freeswitch: "FreeSWITCH"
        case .kamailio: "Kamailio"
        case .opensips: "OpenSIPS"
        case .other: nil
        }
    }
}
