internal import OCI

/// For terminals: one line for each layer, rewritten in place, and below them one for the whole image with bytes, rate
/// and the time that is left.
final class LiveDisplay: PullDisplay {
    private struct State {
        var order: [String] = []
        var lines: [String: String] = [:]
        var total = ""
        /// Lines drawn below the heading, which the cursor has to go back over.
        var drawn = 0
        var isUpToDate = false
        var ended = false
    }

    private let reference: Reference
    private let width: Int
    private let state = Shared(State())

    /// - Parameter width: of the terminal, in columns.
    init(reference: Reference, width: Int) {
        self.reference = reference
        self.width = width
    }

    func show(_ line: PullLine) {
        standardOutput.write(render(line))
    }

    func end() -> Bool { state.withLock { $0.ended } }

    /// What to write for a line of the daemon's: the whole block again, from its top. A terminal shows some sixty of
    /// them a second with ease, and a block that is drawn whole cannot fall out of step.
    func render(_ line: PullLine) -> String {
        state.withLock { state in
            switch line {
            case .resolved(_, let upToDate):
                state.isUpToDate = upToDate
                // Said again by a pull that goes on after the daemon's end: what was drawn stays above.
                state.drawn = 0
                return LayerWords.heading(reference) + "\n"
            case .layer where state.isUpToDate: return ""
            case .total where state.isUpToDate: return ""
            case .layer(let digest, let layerState, let current, let total, let retryAfter):
                let id = HumanText.shortID(digest)
                if state.lines[id] == nil { state.order.append(id) }
                state.lines[id] = "\(id): " + text(layerState, current, total, retryAfter)
            case .total(let totals): state.total = text(totals)
            case .done(let digest, let upToDate, let fetched, let blobs, let shared):
                state.ended = true
                let summary = PlainDisplay.summary(fetched: fetched, blobs: blobs, shared: shared)
                state.total = String(summary.dropLast())
                return draw(&state) + LayerWords.closing(reference, digest: digest, upToDate: upToDate)
            case .failed: state.ended = true
            case .unknown: return ""
            }
            return draw(&state)
        }
    }

    private func draw(_ state: inout State) -> String {
        let lines = state.order.compactMap { state.lines[$0] } + (state.total.isEmpty ? [] : [state.total])
        // A block higher than the terminal cannot be gone back over; the terminal then shows its end, scrolled.
        let up = state.drawn > 0 ? "\u{1b}[\(state.drawn)A" : ""
        state.drawn = lines.count
        return up + lines.map { "\r\u{1b}[2K" + HumanText.cut($0, columns: max(width - 1, 1)) + "\n" }.joined()
    }

    private func text(_ layerState: String, _ current: Int64, _ total: Int64, _ retryAfter: Int64) -> String {
        guard layerState == "downloading" else {
            return LayerWords.status(layerState, retryAfter: retryAfter) ?? layerState
        }
        let figures = "\(HumanText.size(current))/\(HumanText.size(total))"
        // The bar takes what an ID, the word and the figures leave; on a narrow terminal there is none.
        let room = min(50, width - 60)
        return "Downloading " + (room >= 10 ? Self.bar(current, total, columns: room) + " " : "") + figures
    }

    private func text(_ totals: PullLine.Totals) -> String {
        let percent = totals.bytes > 0 ? " (\(Int(Double(totals.received) * 100 / Double(totals.bytes)))%)" : ""
        let rate = totals.bytesPerSecond.map { ", \(HumanText.size($0))/s" } ?? ""
        let left = totals.etaSeconds.map { ", \($0)s left" } ?? ""
        return "\(totals.layersDone)/\(totals.layers) layers, "
            + "\(HumanText.size(totals.received))/\(HumanText.size(totals.bytes))\(percent)\(rate)\(left)"
    }

    static func bar(_ current: Int64, _ total: Int64, columns: Int) -> String {
        let share = total > 0 ? min(max(Double(current) / Double(total), 0), 1) : 0
        let full = Int(share * Double(columns))
        return "[" + String(repeating: "=", count: full) + (full < columns ? ">" : "")
            + String(repeating: " ", count: max(columns - full - 1, 0)) + "]"
    }
}
