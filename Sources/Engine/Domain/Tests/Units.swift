// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Durations and rates as people write them in a test.
public enum Units {
    /// Longer than any test: a year, in nanoseconds.
    private static let longest: Int64 = 31_536_000_000_000_000
    /// An hour in nanoseconds has 13 digits; more digits of a fraction say nothing.
    private static let mostFractionDigits = 18
    /// Suffixes with their length in nanoseconds; `ms` before `s`, which it ends with.
    private static let lengths: [(String, Int64)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// Reads `250ms`, `30s`, `1.5m`, `2h`, to the nanosecond; a number without unit is refused, since it could mean anything.
    public static func duration(_ text: String) -> Interval? {
        for (suffix, length) in lengths where text.hasSuffix(suffix) {
            return exact(text.dropLast(suffix.utf8.count), times: length)
        }
        return nil
    }

    /// A decimal number times a unit in whole nanoseconds; digits beyond the nanosecond are left out.
    private static func exact(_ number: Substring, times unit: Int64) -> Interval? {
        guard plainNumber(number) != nil else { return nil }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        let whole = parts[0].isEmpty ? 0 : Int64(parts[0])
        let fraction = (parts.count > 1 ? parts[1] : "").prefix(mostFractionDigits)
        guard let whole, whole <= longest / unit, let part = fraction.isEmpty ? 0 : Int128(fraction) else { return nil }
        let scale = (0..<fraction.utf8.count).reduce(Int128(1)) { scale, _ in scale * 10 }
        let nanoseconds = whole * unit + Int64(part * Int128(unit) / scale)
        return nanoseconds <= longest ? Interval(nanoseconds: nanoseconds) : nil
    }

    /// Writes a duration in the largest unit that holds it exactly.
    public static func text(_ interval: Interval) -> String {
        let nanoseconds = interval.nanoseconds
        if nanoseconds % 1_000_000 != 0 {
            var fraction = String(nanoseconds % 1_000_000)
            fraction = String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
            while fraction.hasSuffix("0") { fraction.removeLast() }
            return "\(nanoseconds / 1_000_000).\(fraction)ms"
        }
        let ms = nanoseconds / 1_000_000
        if ms % 1_000 != 0 { return "\(ms)ms" }
        let seconds = ms / 1_000
        if seconds > 0, seconds % 3_600 == 0 { return "\(seconds / 3_600)h" }
        if seconds > 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }

    /// Reads `50/s`, `10/m`, `0.5/s` as a rate per second, greater than 0 unless zero is allowed.
    public static func rate(_ text: String, isZeroAllowed: Bool = false) -> Double? {
        for (suffix, seconds) in [("/s", 1.0), ("/m", 60.0), ("/h", 3600.0)] where text.hasSuffix(suffix) {
            guard let value = plainNumber(text.dropLast(2)), value > 0 || isZeroAllowed, value <= 1_000_000 else {
                return nil
            }
            return value / seconds
        }
        return nil
    }

    /// Writes a rate so that `rate` reads the same value back.
    public static func text(rate: Double) -> String {
        number(rate) + "/s"
    }

    /// Writes a number without a needless fraction, and without an exponent.
    public static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        let text = String(value)
        guard let mark = text.firstIndex(of: "e"), let exponent = Int(text[text.index(after: mark)...]), exponent < 0
        else { return text }
        // 1.5e-05: the digits behind so many zeros.
        let sign = value < 0 ? "-" : ""
        let digits = text[..<mark].filter { $0 != "." && $0 != "-" }
        return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits
    }

    /// Digits with at most one dot: no sign, exponent, hexadecimal or "nan", all of which `Double` would take.
    static func plainNumber(_ text: some StringProtocol) -> Double? {
        guard text.utf8.contains(where: { (0x30...0x39).contains($0) }),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E })
        else { return nil }
        return Double(text)
    }
}

/// A text without spaces and tabs around it.
func trim(_ text: some StringProtocol) -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) })
    else {
        return ""
    }
    return String(text[first...last])
}
