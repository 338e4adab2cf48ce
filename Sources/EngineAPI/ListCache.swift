internal import Catalogue
internal import Coordination
internal import OCI

/// The texts of the lists that dashboards and prompts ask for again and again: the images of `/system/df` and of
/// `/images/json` without filters.
final class ListCache: Sendable {
    private struct State {
        /// The one asked for last at the end.
        var texts: [(shape: ImageRow.Shape, text: ImageText)] = []
    }

    /// All texts together: lists of ten thousand images for a dashboard and a docker command.
    private static let maximumBytes = 16 << 20
    private static let maximumTexts = 4

    private let state = Locked(State())

    /// The text of that shape, made by `make` when there is none. What was not asked for the longest goes when there
    /// is too much.
    func text(_ shape: ImageRow.Shape, make: () -> ImageText) -> ImageText {
        state.withLock { state in
            let known = state.texts.firstIndex { $0.shape == shape }
            let text = known.map { state.texts.remove(at: $0).text } ?? make()
            var bytes = text.bytes
            var kept = 0
            for (_, other) in state.texts.reversed() {
                bytes += other.bytes
                guard bytes <= Self.maximumBytes, kept < Self.maximumTexts - 1 else { break }
                kept += 1
            }
            state.texts.removeFirst(state.texts.count - kept)
            state.texts.append((shape, text))
            return text
        }
    }
}

extension EngineRoutes {
    /// The rows of all images, each with a comma before it, and the totals of the same moment.
    func rows(_ shape: ImageRow.Shape) async throws -> ImageText.Reading {
        let text = lists.text(shape) {
            ImageText(context.catalogue) { image, text in
                text.append(UInt8(ascii: ","))
                text += ImageRow(image).json(shape).serialized()
            }
        }
        return try await text.current()
    }
}

extension ImageText.Reading {
    /// A JSON array of rows that have a comma before each, between `head` and `tail`.
    func array(after head: [UInt8], before tail: [UInt8]) -> [[UInt8]] {
        var parts = pieces
        if let first = parts.first { parts[0] = Array(first.dropFirst()) }
        return [head + [UInt8(ascii: "[")]] + parts + [[UInt8(ascii: "]")] + tail]
    }
}
