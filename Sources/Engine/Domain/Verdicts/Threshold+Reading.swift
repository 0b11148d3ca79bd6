// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension Threshold {
    /// Windows longer than this say no more than the whole run does.
    static let longestWindow = 3_600

    /// Reads a condition.
    ///
    ///     [ "[" ["group"] NAME "]" ] METRIC OPERATOR VALUE { "of" NAME | "over" TIME | "abort" ["after" TIME] }
    public init(_ text: String) throws(Problem) {
        var words = ThresholdWords(text)
        var group = try words.takePrefix()
        guard let (symbol, range) = Self.symbol(in: words.rest) else {
            throw Problem(message: "'\(text)' has no comparison; write for example 'mos.avg >= 4.0'")
        }
        var name = words.rest[..<range.lowerBound].filter { $0 != " " && $0 != "\t" }
        if let tagged = ThresholdWords.takeTag(&name) { group = try Self.only(group, tagged, "group") }
        let metric = try SummaryMetric.read(name)
        words.rest = words.rest[range.upperBound...]
        let value = words.takeValue()
        guard let bound = metric.unit.read(value) else {
            throw Problem(message: "'\(value)' is no \(metric.unit.words) for \(name)")
        }
        var window: Int?
        var abortAfter: Interval?
        while let word = words.take() {
            switch word {
            case "of": group = try Self.only(group, try words.require("a group's name after 'of'"), "group")
            case "over": window = try Self.only(window, try words.takeWindow(), "window")
            case "abort": abortAfter = try Self.only(abortAfter, try words.takeDelay(), "abort")
            default: throw Problem(message: ThresholdWords.unexpected(word))
            }
        }
        self.init(
            metric: metric, comparison: symbol, value: (value, bound), group: group, window: window,
            abortAfter: abortAfter)
        if let problem = contradiction { throw problem }
    }

    /// What cannot be judged as it is asked for.
    private var contradiction: Problem? {
        guard let entry = metric.entry else { return nil }
        if group != nil, entry.isGenerators {
            return Problem(message: "'\(entry.name)' is about the load generator as a whole; leave the group out")
        }
        if window != nil, !entry.isWindowed {
            return Problem(
                message: "'\(entry.name)' is known only when calls have ended, not second by second; leave out 'over'")
        }
        guard abortAfter != nil else { return nil }
        if !entry.isWindowed {
            return Problem(
                message: "'\(entry.name)' is known only at the end, so it cannot abort the run; leave out 'abort'")
        }
        if window == nil, entry.kind == .count, metric.aggregate == .whole,
            comparison != .atMost, comparison != .below
        {
            return Problem(
                message: "a count that must be reached is judged at the end; leave out 'abort', or say 'over 10s'")
        }
        return nil
    }

    /// The comparison of a condition and where it stands; k6's `===` and `!==` mean the same as `==` and `!=`.
    private static func symbol(in text: Substring) -> (Comparison, Range<Substring.Index>)? {
        guard let start = text.firstIndex(where: { "<>=!".contains($0) }) else { return nil }
        var end = start
        while end < text.endIndex, "<>=!".contains(text[end]) { end = text.index(after: end) }
        let comparison: Comparison? =
            switch text[start..<end] {
            case "===": .equal
            case "!==": .unequal
            case let symbol: Comparison(rawValue: String(symbol))
            }
        return comparison.map { ($0, start..<end) }
    }

    private static func only<Value>(_ before: Value?, _ value: Value, _ what: String) throws(Problem) -> Value {
        guard before == nil else { throw Problem(message: "the \(what) is given twice") }
        return value
    }
}

/// A condition's words, taken one after the other.
struct ThresholdWords {
    private static let keywords = ["of", "over", "abort", "after"]

    var rest: Substring

    init(_ text: String) { rest = Substring(text) }

    static func unexpected(_ word: String) -> String {
        let hint = nearest(to: word, among: keywords).map { "; did you mean '\($0)'?" } ?? ""
        return "'\(word)' is not understood after the value; 'of GROUP', 'over TIME' and 'abort' may stand there\(hint)"
    }

    /// A name as it is read back: in quotes where it could be taken for something else.
    static func quoted(_ name: String) -> String {
        let isPlain = !keywords.contains(name) && !name.isEmpty && name.allSatisfy { $0 != " " && $0 != "\"" }
        return isPlain ? name : "\"" + name.filter { $0 != "\"" } + "\""
    }

    /// Takes `{group:callers}` off the end of a metric, as k6 writes it.
    static func takeTag(_ name: inout String) -> String? {
        guard name.hasSuffix("}"), let open = name.firstIndex(of: "{") else { return nil }
        let tag = name[name.index(after: open)...].dropLast()
        guard tag.hasPrefix("group:") else { return nil }
        name = String(name[..<open])
        return String(tag.dropFirst("group:".count))
    }

    /// Takes `[group callers]` or `[callers]` at the beginning.
    mutating func takePrefix() throws(Threshold.Problem) -> String? {
        skipBlanks()
        guard rest.first == "[" else { return nil }
        guard let close = rest.firstIndex(of: "]") else {
            throw Threshold.Problem(message: "the '[' of the group has no ']'")
        }
        var inner = ThresholdWords(String(rest[rest.index(after: rest.startIndex)..<close]))
        rest = rest[rest.index(after: close)...]
        inner.skipBlanks()
        if inner.rest.hasPrefix("group ") { inner.rest = inner.rest.dropFirst("group ".count) }
        inner.skipBlanks()
        while inner.rest.last == " " { inner.rest.removeLast() }
        guard !inner.rest.isEmpty else { throw Threshold.Problem(message: "the group's name is missing in '[]'") }
        return String(inner.rest.filter { $0 != "\"" })
    }

    /// The next word, or what stands between quotes; nil at the end.
    mutating func take() -> String? {
        skipBlanks()
        guard let first = rest.first else { return nil }
        if first == "\"" {
            let inner = rest.dropFirst()
            let end = inner.firstIndex(of: "\"") ?? inner.endIndex
            rest = end == inner.endIndex ? rest[rest.endIndex...] : inner[inner.index(after: end)...]
            return String(inner[..<end])
        }
        let end = rest.firstIndex { $0 == " " || $0 == "\t" } ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(rest[..<end])
    }

    /// The value: all words up to one with a meaning of its own, so that `800 ms` is one value.
    mutating func takeValue() -> String {
        var value = ""
        while true {
            let before = rest
            guard let word = take() else { return value }
            // A second word belongs to the value only where it can be a unit.
            if Self.keywords.contains(word)
                || (!value.isEmpty && !["ms", "s", "m", "h", "%", "/s", "/m"].contains(word))
            {
                rest = before
                return value
            }
            value += word
        }
    }

    mutating func require(_ what: String) throws(Threshold.Problem) -> String {
        guard let word = take(), !word.isEmpty else { throw Threshold.Problem(message: "\(what) is missing") }
        return word
    }

    /// `10s` after `over`.
    mutating func takeWindow() throws(Threshold.Problem) -> Int {
        let word = try require("a time after 'over', like 10s,")
        guard let length = Units.duration(word), length.nanoseconds % 1_000_000_000 == 0,
            (1...Threshold.longestWindow).contains(Int(length.seconds))
        else {
            throw Threshold.Problem(message: "'\(word)' is no window; whole seconds from 1s to 1h are, like 10s")
        }
        return Int(length.seconds)
    }

    /// `after 30s` after `abort`, or nothing.
    mutating func takeDelay() throws(Threshold.Problem) -> Interval {
        let before = rest
        guard take() == "after" else {
            rest = before
            return .zero
        }
        let word = try require("a time after 'abort after', like 30s,")
        guard let delay = Units.duration(word), delay.nanoseconds % 1_000_000 == 0 else {
            throw Threshold.Problem(message: "'\(word)' is no duration like 30s")
        }
        return delay
    }

    private mutating func skipBlanks() {
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
    }
}
