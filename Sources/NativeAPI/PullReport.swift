internal import OCI
internal import Pulling

/// The lines of one pull, made of its events. A pure value: the caller says what time it is.
struct PullReport {
    private let pull: (reference: Reference, target: Descriptor, layers: [Descriptor], upToDate: Bool)
    private var meter: RateMeter?
    /// Bytes of each layer that have come, for the states that do not say.
    private var current: [Digest: Int64] = [:]

    init(reference: Reference, target: Descriptor, layers: [Descriptor], upToDate: Bool) {
        pull = (reference, target, layers, upToDate)
    }

    /// The first line.
    var resolved: JSON {
        [
            "type": "resolved", "image": .string(pull.reference.description),
            "digest": .string(pull.target.digest.description),
            "layers": .array(
                pull.layers.map { ["digest": .string($0.digest.description), "size": .integer($0.size)] }),
            "upToDate": .bool(pull.upToDate),
        ]
    }

    /// The line of an event at `time`, which is counted from any fixed moment.
    mutating func line(_ event: PullEvent, at time: Duration) -> JSON {
        switch event {
        case .layer(let layer, let state): line(layer, state)
        case .total(let totals): line(totals, at: time)
        }
    }

    /// The last line of a pull that went well.
    static func done(_ outcome: PullOutcome) -> JSON {
        [
            "type": "done", "image": .string(outcome.reference.description),
            "digest": .string(outcome.digest.description), "upToDate": .bool(outcome.upToDate),
            "fetchedBytes": .integer(outcome.fetchedBytes), "fetchedBlobs": .integer(Int64(outcome.fetchedBlobs)),
            "sharedBytes": .integer(outcome.sharedBytes),
        ]
    }

    /// The last line of a pull that failed.
    static func failed(_ error: any Error) -> JSON {
        let report = ErrorReport(error)
        return ["type": "error", "message": .string(report.message), "kind": .string(report.kind.word)]
    }

    private mutating func line(_ layer: Descriptor, _ state: LayerState) -> JSON {
        var total = layer.size
        var pause: Duration?
        let word: String
        switch state {
        case .exists: word = "exists"
        case .waiting: word = "waiting"
        case .verifying: word = "verifying"
        case .downloaded: word = "downloaded"
        case .complete: word = "complete"
        case .downloading(let now, let all):
            word = "downloading"
            current[layer.digest] = now
            total = all
        case .retrying(let after):
            word = "retrying"
            pause = after
        }
        switch state {
        case .exists, .verifying, .downloaded, .complete: current[layer.digest] = total
        case .waiting, .downloading, .retrying: break
        }
        var members: [JSON.Member] = [
            JSON.Member("type", "layer"), JSON.Member("digest", .string(layer.digest.description)),
            JSON.Member("state", .string(word)), JSON.Member("current", .integer(current[layer.digest] ?? 0)),
            JSON.Member("total", .integer(total)),
        ]
        if let pause { members.append(JSON.Member("retryAfterSeconds", .integer(wholeSeconds(pause)))) }
        return .object(members)
    }

    private mutating func line(_ totals: PullTotals, at time: Duration) -> JSON {
        var meter = meter ?? RateMeter(bytes: totals.received, at: time)
        meter.take(bytes: totals.received, at: time)
        self.meter = meter
        return [
            "type": "total", "layers": .integer(Int64(totals.layers)),
            "layersDone": .integer(Int64(totals.layersDone)), "bytes": .integer(totals.bytes),
            "received": .integer(totals.received), "shared": .integer(totals.shared),
            "bytesPerSecond": meter.bytesPerSecond.map { .integer($0) } ?? .null,
            "etaSeconds": meter.seconds(for: totals.bytes - totals.received).map { .integer($0) } ?? .null,
        ]
    }
}
