// SPDX-License-Identifier: Apache-2.0

/// Rows of text in aligned columns, two spaces between them. Numbers stand right, words left.
struct Table {
    /// The heading of each column; an empty heading is one all the same.
    var headings: [String]
    /// Which columns stand right.
    var right: Set<Int> = []
    private(set) var rows: [[String]] = []

    init(_ headings: [String], right: Set<Int> = []) {
        self.headings = headings
        self.right = right
    }

    /// Appends a row; it must have as many cells as there are headings.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == headings.count, "a row of \(cells.count) cells under \(headings.count) headings")
        rows.append(cells)
    }

    /// The lines, headings first unless all of them are empty.
    func lines(_ terminal: Terminal = .plain) -> [String] {
        let all = headings.allSatisfy(\.isEmpty) ? rows : [headings] + rows
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.enumerated().map { index, cells in
            var line = ""
            for (column, cell) in cells.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                if column > 0 { line += "  " }
                line += right.contains(column) ? space + cell : cell + space
            }
            while line.last == " " { line.removeLast() }
            let isHeading = index == 0 && all.count > rows.count
            return isHeading ? terminal.styled(line, .dim) : line
        }
    }
}
