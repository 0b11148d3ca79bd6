// SPDX-License-Identifier: Apache-2.0

/// A chart as SVG that needs no script: lines or columns over an axis, a legend, and the figures of a column where the pointer rests.
struct Chart {
    /// One line, or one kind of columns.
    struct Series {
        var name: String
        /// A class of the style sheet: `good`, `bad`, `a`, `b`, `c`.
        var colour: String
        /// One value for each column; nil leaves a gap.
        var values: [Double?]
    }

    enum Kind {
        case lines
        case columns
    }

    private static let width = 640.0
    private static let height = 200.0
    private static let left = 56.0
    private static let right = 12.0
    private static let top = 12.0
    private static let bottom = 26.0
    /// Beyond so many columns nobody finds one with a pointer.
    private static let mostPointedAt = 300

    var title: String
    var kind = Kind.lines
    /// What values are counted in, behind each: ` ms`, ``.
    var unit = ""
    var series: [Series]
    /// What stands under some of the columns, and before the values of a column.
    var labels: [String]

    /// The figure with its caption; a sentence where there is nothing to draw.
    func html() -> String {
        let columns = series.map(\.values.count).max() ?? 0
        let greatest = series.flatMap { $0.values.compactMap(\.self) }.max() ?? 0
        let caption = "<figcaption>\(TextEscaping.xml(title))\(legend())</figcaption>"
        guard columns > 0, greatest > 0 else {
            return "<figure>\(caption)<p class=\"none\">Nothing of the kind was measured.</p></figure>\n"
        }
        let scale = Scale(greatest)
        var text =
            "<figure>\(caption)<svg viewBox=\"0 0 640 200\" role=\"img\" aria-label=\"\(TextEscaping.xml(title))\">"
        text += axes(scale, columns)
        for (index, one) in series.enumerated() {
            text += kind == .lines ? line(one, scale, columns) : bars(one, index, scale, columns)
        }
        return text + pointedAt(columns) + "</svg></figure>\n"
    }

    private func legend() -> String {
        series.map { " <span class=\"key \($0.colour)\">\(TextEscaping.xml($0.name))</span>" }.joined()
    }

    /// Round numbers on the axis: 1, 2 or 5 times a power of ten.
    private struct Scale {
        var step: Double
        var top: Double

        init(_ greatest: Double) {
            var step = 1e-6
            var turn = 0
            while step * 5 < greatest, step < 1e15 {
                step *= turn % 3 == 1 ? 2.5 : 2
                turn += 1
            }
            self.step = step
            top = (greatest / step).rounded(.up) * step
        }

        var digits: Int { step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3 }
    }

    private func y(_ value: Double, _ scale: Scale) -> Double {
        Self.height - Self.bottom - value / scale.top * (Self.height - Self.top - Self.bottom)
    }

    /// The middle of a column.
    private func x(_ column: Int, _ columns: Int) -> Double {
        Self.left + (Double(column) + 0.5) * columnWidth(columns)
    }

    private func columnWidth(_ columns: Int) -> Double { (Self.width - Self.left - Self.right) / Double(columns) }

    private func axes(_ scale: Scale, _ columns: Int) -> String {
        var text = ""
        var value = 0.0
        while value <= scale.top * 1.0001 {
            let place = point(y(value, scale))
            text += "<line class=\"grid\" x1=\"56\" x2=\"628\" y1=\"\(place)\" y2=\"\(place)\"/>"
            text +=
                "<text class=\"tick\" x=\"50\" y=\"\(point(y(value, scale) + 4))\" text-anchor=\"end\">"
                + "\(NumberText.fixed(value, scale.digits))\(TextEscaping.xml(unit))</text>"
            value += scale.step
        }
        let every = max(1, (columns + 7) / 8)
        for column in stride(from: 0, to: columns, by: every) where column < labels.count {
            text +=
                "<text class=\"tick\" x=\"\(point(x(column, columns)))\" y=\"192\" text-anchor=\"middle\">"
                + "\(TextEscaping.xml(labels[column]))</text>"
        }
        return text
    }

    private func line(_ one: Series, _ scale: Scale, _ columns: Int) -> String {
        var paths: [[String]] = [[]]
        for (column, value) in one.values.enumerated() {
            if let value {
                paths[paths.count - 1].append("\(point(x(column, columns))),\(point(y(value, scale)))")
            } else if paths.last?.isEmpty == false {
                paths.append([])
            }
        }
        return paths.filter { !$0.isEmpty }.map { points in
            if points.count == 1, let only = points.first {
                let parts = only.split(separator: ",")
                return "<circle class=\"\(one.colour)\" cx=\"\(parts[0])\" cy=\"\(parts[1])\" r=\"2.5\"/>"
            }
            return "<polyline class=\"\(one.colour)\" points=\"\(points.joined(separator: " "))\"/>"
        }.joined()
    }

    private func bars(_ one: Series, _ index: Int, _ scale: Scale, _ columns: Int) -> String {
        let width = columnWidth(columns) * 0.8 / Double(series.count)
        var text = ""
        for (column, value) in one.values.enumerated() {
            guard let value, value > 0 else { continue }
            let from = x(column, columns) - columnWidth(columns) * 0.4 + Double(index) * width
            let place = y(value, scale)
            text +=
                "<rect class=\"\(one.colour)\" x=\"\(point(from))\" y=\"\(point(place))\" width=\"\(point(width))\" "
                + "height=\"\(point(Self.height - Self.bottom - place))\"/>"
        }
        return text
    }

    /// A pane over each column that shows its figures.
    private func pointedAt(_ columns: Int) -> String {
        guard columns <= Self.mostPointedAt else { return "" }
        let width = columnWidth(columns)
        return (0..<columns).map { column in
            let values = series.compactMap { one -> String? in
                guard column < one.values.count, let value = one.values[column] else { return nil }
                return "\(one.name): \(NumberText.plain(value))\(unit)"
            }
            let label = column < labels.count ? labels[column] + "\n" : ""
            return
                "<rect class=\"pane\" x=\"\(point(Self.left + Double(column) * width))\" y=\"12\" width=\"\(point(width))\" "
                + "height=\"162\"><title>\(TextEscaping.xml(label + values.joined(separator: "\n")))</title></rect>"
        }.joined()
    }

    private func point(_ value: Double) -> String { NumberText.fixed(value, 1) }
}
