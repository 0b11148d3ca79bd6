// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Durations and rates as people write them in a test.
public enum Units {
    /// Reads `250ms`, `30s`, `1.5m`, `2h`; a number without unit is refused, since it could mean anything.
    public static func duration(_ text: String) -> Interval? {
        for (suffix, scale) in [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)] where text.hasSuffix(suffix) {
            guard let value = plainNumber(text.dropLast(suffix.utf8.count)) else { return nil }
            let seconds = value * scale
            return seconds <= 31_536_000 ? .seconds(seconds) : nil
        }
        return nil
    }

    /// Writes a duration in the largest unit that holds it exactly.
    public static func text(_ interval: Interval) -> String {
        let ms = interval.nanoseconds / 1_000_000
        if ms % 1_000 != 0 { return "\(ms)ms" }
        let seconds = ms / 1_000
        if seconds > 0, seconds % 3_600 == 0 { return "\(seconds / 3_600)h" }
        if seconds > 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }

    /// Reads `50/s`, `10/m`, `0.5/s` as a rate per second, greater than 0.
    public static func rate(_ text: String) -> Double? {
        for (suffix, seconds) in [("/s", 1.0), ("/m", 60.0), ("/h", 3600.0)] where text.hasSuffix(suffix) {
            guard let value = plainNumber(text.dropLast(2)), value > 0, value <= 1_000_000 else { return nil }
            return value / seconds
        }
        return nil
    }

    /// Writes a rate so that `rate` reads the same value back.
    public static func text(rate: Double) -> String {
        number(rate) + "/s"
    }

    /// Writes a number without a needless fraction.
    public static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    /// Digits with at most one dot: no sign, exponent, hexadecimal or "nan", all of which `Double` would take.
    static func plainNumber(_ text: some StringProtocol) -> Double? {
        guard text.utf8.contains(where: { (0x30...0x39).contains($0) }),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E })
        else { return nil }
        return Double(text)
    }
}
