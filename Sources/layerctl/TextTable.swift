/// Rows of cells in columns, as docker lays them out: three blanks between, no column narrower than ten, the last cell
/// not padded.
struct TextTable {
    private let header: [String]
    private var rows: [[String]] = []

    init(_ header: [String]) { self.header = header }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// The table with its header, each line ended.
    var text: String {
        let all = [header] + rows
        let widths = all.map { $0.map(width) }
        let columns = header.indices.map { column in max(widths.map { $0[column] }.max() ?? 0, 7) + 3 }
        var text = ""
        for (row, widths) in zip(all, widths) {
            for (column, cell) in row.enumerated() {
                text += cell
                if column < row.count - 1 { text += String(repeating: " ", count: columns[column] - widths[column]) }
            }
            text += "\n"
        }
        return text
    }

    /// Columns on a terminal: wide characters take two, colours none.
    private func width(_ text: String) -> Int {
        // Nearly every cell of a list of ten thousand images.
        if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return text.utf8.count }
        return Style.plain(text).unicodeScalars.reduce(0) { sum, scalar in
            sum + (Self.wide.contains { $0.contains(scalar.value) } ? 2 : 1)
        }
    }

    /// The East Asian wide and fullwidth blocks, and the emoji. Source: Unicode UAX #11.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
        0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd,
    ]
}
