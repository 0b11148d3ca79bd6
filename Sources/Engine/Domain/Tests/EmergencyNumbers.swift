// SPDX-License-Identifier: Apache-2.0

/// Numbers that a load generator must never call (H5): the emergency numbers of ITU-T E.161.1 and of large countries.
public enum EmergencyNumbers {
    /// All of them, digits only.
    public static let numbers: Set<String> = [
        "000", "100", "101", "102", "103", "104", "108", "110", "111", "112", "113", "114", "115", "116117", "117",
        "118", "119",
        "120", "122", "144", "190", "191", "192", "193", "911", "995", "997", "998", "999",
    ]

    /// Whether the user part of a SIP URI is one, whatever separators stand in it.
    public static func contains(uriUser uri: String) -> Bool {
        guard let colon = uri.firstIndex(of: ":") else { return false }
        let rest = uri[uri.index(after: colon)...]
        guard let at = rest.firstIndex(of: "@") else { return false }
        let user = rest[..<at].prefix { $0 != ";" && $0 != ":" }
        let digits = user.filter { !"-.() ".contains($0) }
        return numbers.contains(String(digits))
    }

    /// The first endpoint, from 1, for which a URI with number templates is one; nil when none of so many calls one.
    static func firstMatch(ofTemplate uri: String, endpoints: Int) -> Int? {
        guard uri.utf8.contains(0x7B) else { return contains(uriUser: uri) ? 1 : nil }
        return parts.first { $0 <= endpoints && contains(uriUser: NumberTemplate.expand(uri, number: $0)) }
    }

    /// Every number whose digits stand in an emergency number, in order: no other one can make a template into one.
    private static let parts: [Int] = {
        var parts: Set<Int> = []
        for number in numbers {
            let digits = Array(number)
            for first in digits.indices {
                for last in first..<digits.count { parts.insert(Int(String(digits[first...last])) ?? 0) }
            }
        }
        return parts.filter { $0 > 0 }.sorted()
    }()
}
