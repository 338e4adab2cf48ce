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
        let widths = header.indices.map { column in
            max(all.map { width($0[column]) }.max() ?? 0, 7) + 3
        }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - width(cell)) }
            }
            return line + "\n"
        }.joined()
    }

    /// Columns on a terminal: wide characters take two, colours none.
    private func width(_ text: String) -> Int {
        Style.plain(text).unicodeScalars.reduce(0) { sum, scalar in
            sum + (Self.wide.contains { $0.contains(scalar.value) } ? 2 : 1)
        }
    }

    /// The East Asian wide and fullwidth blocks, and the emoji. Source: Unicode UAX #11.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
        0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd,
    ]
}
