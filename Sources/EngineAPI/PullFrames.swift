internal import OCI
internal import Pulling

/// Turns the steps of a pull into dockerd's progress frames. A value without a clock: the caller says what time it is.
///
/// On a terminal the docker command redraws the line of a frame that has an id and a `progressDetail`, even an empty
/// one; a frame without it is a line of its own, and ends the redrawing. So layers always have it, summaries never.
struct PullFrames: Sendable {
    /// One JSON object, sent as one line.
    typealias Frame = JSON

    /// How often the progress of one layer is told.
    static let interval: Duration = .milliseconds(100)

    private struct Layer: Sendable {
        var isAnnounced = false
        /// Nobody is fetching it yet. That is only said once others are being fetched.
        var waits = false
        var status = ""
        var total: Int64 = 0
        var shown: Int64 = -1
        var shownAt: ContinuousClock.Instant?
    }

    private let reference: Reference
    private var layers: [Digest: Layer] = [:]
    private var order: [Descriptor] = []

    init(_ reference: Reference) { self.reference = reference }

    /// The first line.
    var opening: Frame {
        let id = reference.digest == nil ? reference.tag ?? "latest" : reference.description
        return ["status": .string("Pulling from \(reference.repository.path)"), "id": .string(id)]
    }

    /// The frames that tell of one step; often none.
    mutating func take(_ event: PullEvent, at now: ContinuousClock.Instant) -> [Frame] {
        guard case .layer(let layer, let state) = event else { return [] }
        switch state {
        case .exists: return exists(layer)
        case .waiting: return waiting(layer)
        case .downloading(let current, let total):
            return announce(layer) + othersWait(but: layer) + downloading(layer, current, total, now)
        case .retrying(let delay):
            let seconds = wholeSeconds(delay)
            return announce(layer) + say("Retrying in \(seconds) second\(seconds == 1 ? "" : "s")", layer)
        case .verifying: return announce(layer) + whole(layer) + say("Verifying Checksum", layer)
        case .downloaded: return announce(layer) + whole(layer) + say("Download complete", layer)
        case .complete: return announce(layer) + say("Pull complete", layer)
        }
    }

    /// The lines that end one tag, without the status line.
    static func digest(_ digest: Digest) -> Frame { ["status": .string("Digest: \(digest)")] }

    static func status(_ name: String, upToDate: Bool) -> Frame {
        ["status": .string("Status: \(upToDate ? "Image is up to date" : "Downloaded newer image") for \(name)")]
    }

    /// Both members: new clients read the one, old ones the other, and a frame without the one they read is a success.
    static func failure(_ text: String) -> Frame {
        ["errorDetail": ["message": .string(text)], "error": .string(text)]
    }

    static func line(_ frame: Frame) -> [UInt8] { frame.serialized(escapeHTML: true) + Array("\r\n".utf8) }

    // MARK: The states of a layer

    private mutating func exists(_ layer: Descriptor) -> [Frame] {
        guard layers[layer.digest] == nil else { return [] }
        layers[layer.digest] = Layer(isAnnounced: true)
        return say("Already exists", layer)
    }

    private mutating func waiting(_ layer: Descriptor) -> [Frame] {
        let frames = announce(layer)
        layers[layer.digest]?.waits = true
        return frames
    }

    private mutating func announce(_ layer: Descriptor) -> [Frame] {
        if layers[layer.digest] == nil { order.append(layer) }
        guard layers[layer.digest, default: Layer()].isAnnounced else {
            layers[layer.digest, default: Layer()].isAnnounced = true
            return say("Pulling fs layer", layer)
        }
        layers[layer.digest]?.waits = false
        return []
    }

    private mutating func othersWait(but layer: Descriptor) -> [Frame] {
        layers[layer.digest]?.waits = false
        return order.flatMap { other -> [Frame] in
            guard layers[other.digest]?.waits == true else { return [] }
            layers[other.digest]?.waits = false
            return say("Waiting", other)
        }
    }

    /// The first figure, the last, and between them one in every interval.
    private mutating func downloading(
        _ layer: Descriptor, _ current: Int64, _ total: Int64, _ now: ContinuousClock.Instant
    ) -> [Frame] {
        guard var known = layers[layer.digest], current != known.shown else { return [] }
        known.total = total
        layers[layer.digest] = known
        if current < total, let last = known.shownAt, last.duration(to: now) < PullFrames.interval { return [] }
        return progress(layer, current, total, now)
    }

    private mutating func progress(
        _ layer: Descriptor, _ current: Int64, _ total: Int64, _ now: ContinuousClock.Instant?
    ) -> [Frame] {
        layers[layer.digest]?.shown = current
        layers[layer.digest]?.shownAt = now
        layers[layer.digest]?.status = "Downloading"
        return [frame("Downloading", layer, ["current": .integer(current), "total": .integer(total)])]
    }

    /// The last figure, where it was left out or never came.
    private mutating func whole(_ layer: Descriptor) -> [Frame] {
        guard let known = layers[layer.digest], known.status == "Downloading", known.shown < known.total else {
            return []
        }
        return progress(layer, known.total, known.total, known.shownAt)
    }

    /// Says a thing once in a row.
    private mutating func say(_ status: String, _ layer: Descriptor) -> [Frame] {
        guard layers[layer.digest]?.status != status else { return [] }
        layers[layer.digest]?.status = status
        return [frame(status, layer, [:])]
    }

    private func frame(_ status: String, _ layer: Descriptor, _ detail: JSON) -> Frame {
        ["status": .string(status), "progressDetail": detail, "id": .string(layer.digest.short)]
    }
}
