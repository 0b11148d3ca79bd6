// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them, the same on every machine and in every language setting.
public enum NumberText {
    /// What stands where nothing was measured.
    public static let nothing = "–"

    /// A number with exactly so many digits after the point, rounded half away from zero; `–` for what is no number.
    public static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return nothing }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard scaled.magnitude < 1e15 else { return "\(value)" }
        let text = String(Int64(scaled.magnitude))
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        let sign = scaled < 0 ? "-" : ""
        return digits == 0 ? sign + padded : sign + padded.dropLast(digits) + "." + padded.suffix(digits)
    }

    /// A figure with so many digits after the point, or `–` where nothing was measured.
    public static func figure(_ value: Double?, _ digits: Int) -> String { value.map { fixed($0, digits) } ?? nothing }

    /// `12.3 ms`, or `–` where nothing was measured.
    public static func milliseconds(_ value: Double?) -> String {
        value.map { "\(fixed($0, $0.magnitude < 100 ? 1 : 0)) ms" } ?? nothing
    }

    /// The number with as many digits after the point as it needs, at most three: for programs.
    public static func plain(_ value: Double) -> String {
        var text = fixed(value, 3)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }
}
