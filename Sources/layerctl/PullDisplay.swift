internal import OCI

/// Shows a pull while it goes on. `show` is called on the connection's thread, one line at a time.
protocol PullDisplay: Sendable {
    func show(_ line: PullLine)
    /// Whether the pull was seen to end, well or not.
    func end() -> Bool
}

/// `-q`: the caller prints the name at the end.
struct QuietDisplay: PullDisplay {
    private let ended = Shared(false)

    func show(_ line: PullLine) {
        switch line {
        case .done, .failed: ended.withLock { $0 = true }
        default: return
        }
    }

    func end() -> Bool { ended.withLock { $0 } }
}

/// The words that docker has for the states of a layer.
enum LayerWords {
    /// The layer's new line; `nil` for states that docker does not speak of.
    static func status(_ state: String, retryAfter: Int64) -> String? {
        switch state {
        case "exists": "Already exists"
        case "waiting": "Pulling fs layer"
        case "retrying": "Retrying in \(retryAfter) second\(retryAfter == 1 ? "" : "s")"
        case "verifying": "Verifying Checksum"
        case "downloaded": "Download complete"
        case "complete": "Pull complete"
        default: nil
        }
    }

    static func heading(_ reference: Reference) -> String {
        let pulled = reference.forPull
        let label = pulled.digest.map { "\(pulled.repository)@\($0)" } ?? pulled.tag ?? "latest"
        return "\(label): Pulling from \(pulled.repository.path)"
    }

    static func closing(_ reference: Reference, digest: String, upToDate: Bool) -> String {
        let name = reference.forPull.familiar
        return "Digest: \(digest)\nStatus: "
            + (upToDate ? "Image is up to date for \(name)\n" : "Downloaded newer image for \(name)\n")
    }
}

/// For pipes and files: a line for each change, no percentages; what was fetched and saved goes to stderr at the end.
final class PlainDisplay: PullDisplay {
    private struct State {
        var told: [String: String] = [:]
        /// There is nothing to say of the layers of an image that is up to date.
        var isUpToDate = false
        var ended = false
    }

    private let reference: Reference
    private let state = Shared(State())

    init(reference: Reference) { self.reference = reference }

    func show(_ line: PullLine) {
        switch line {
        case .resolved(_, let upToDate):
            state.withLock { $0.isUpToDate = upToDate }
            standardOutput.write(LayerWords.heading(reference) + "\n")
        case .layer(let digest, let layerState, _, _, let retryAfter):
            guard let status = LayerWords.status(layerState, retryAfter: retryAfter) else { return }
            let id = HumanText.shortID(digest)
            let new = state.withLock { state in
                !state.isUpToDate && state.told.updateValue(status, forKey: id) != status
            }
            if new { standardOutput.write("\(id): \(status)\n") }
        case .done(let digest, let upToDate, let fetched, let blobs, let shared):
            standardOutput.write(LayerWords.closing(reference, digest: digest, upToDate: upToDate))
            standardError.write(Self.summary(fetched: fetched, blobs: blobs, shared: shared))
            state.withLock { $0.ended = true }
        case .failed: state.withLock { $0.ended = true }
        case .total, .unknown: return
        }
    }

    func end() -> Bool { state.withLock { $0.ended } }

    /// What docker has no words for.
    static func summary(fetched: Int64, blobs: Int64, shared: Int64) -> String {
        "fetched \(HumanText.size(fetched)) in \(blobs) blob\(blobs == 1 ? "" : "s"); "
            + "layers of \(HumanText.size(shared)) were already here\n"
    }
}
