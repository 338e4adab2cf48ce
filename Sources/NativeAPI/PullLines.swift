internal import OCI
internal import Pulling

/// A pull as lines of JSON: `resolved`, then `layer` and `total` as it goes on, then `done` or `error`.
struct PullLines: Sendable {
    /// How often the progress of one layer, and the totals, are told: what a person can follow.
    static let interval: Duration = .milliseconds(100)

    private var shown: [Digest: ContinuousClock.Instant] = [:]
    private var totalShown: ContinuousClock.Instant?
    private var meter = RateMeter()

    static func resolved(_ pull: Pull) -> JSON {
        [
            "type": "resolved", "image": .string(pull.reference.description),
            "digest": .string("\(pull.target.digest)"),
            "layers": .array(
                pull.layers.map { ["digest": .string("\($0.digest)"), "size": .integer($0.size)] }),
            "upToDate": .bool(pull.upToDate),
        ]
    }

    /// The line for a step; `nil` for progress that comes too soon after the last.
    mutating func line(_ event: PullEvent, at now: ContinuousClock.Instant) -> JSON? {
        switch event {
        case .layer(let layer, let state): self.layer(layer, state, now)
        case .total(let totals): total(totals, now)
        }
    }

    private mutating func layer(_ layer: Descriptor, _ state: LayerState, _ now: ContinuousClock.Instant) -> JSON? {
        var members: [JSON.Member] = [
            .init("type", "layer"), .init("digest", .string("\(layer.digest)")), .init("state", .string(state.word)),
        ]
        switch state {
        case .downloading(let current, let total):
            if current < total, let last = shown[layer.digest], last.duration(to: now) < Self.interval { return nil }
            shown[layer.digest] = now
            members += [.init("current", .integer(current)), .init("total", .integer(total))]
        case .retrying(let delay):
            let (seconds, rest) = delay.components
            members.append(.init("retryAfterSeconds", .integer(rest > 0 ? seconds + 1 : max(seconds, 1))))
        case .exists, .waiting, .verifying, .downloaded, .complete: break
        }
        return .object(members)
    }

    private mutating func total(_ totals: PullTotals, _ now: ContinuousClock.Instant) -> JSON? {
        meter.take(totals.received, at: now)
        let isLast = totals.layersDone == totals.layers
        if !isLast, let last = totalShown, last.duration(to: now) < Self.interval { return nil }
        totalShown = now
        var members: [JSON.Member] = [
            .init("type", "total"), .init("layers", .integer(Int64(totals.layers))),
            .init("layersDone", .integer(Int64(totals.layersDone))), .init("bytes", .integer(totals.bytes)),
            .init("received", .integer(totals.received)), .init("shared", .integer(totals.shared)),
        ]
        if let rate = meter.bytesPerSecond { members.append(.init("bytesPerSecond", .integer(rate))) }
        if let left = meter.secondsLeft(for: totals.bytes - totals.received) {
            members.append(.init("etaSeconds", .integer(left)))
        }
        return .object(members)
    }

    static func done(_ outcome: PullOutcome) -> JSON {
        [
            "type": "done", "image": .string(outcome.reference.description), "digest": .string("\(outcome.digest)"),
            "upToDate": .bool(outcome.upToDate), "fetchedBytes": .integer(outcome.fetchedBytes),
            "fetchedBlobs": .integer(Int64(outcome.fetchedBlobs)), "sharedBytes": .integer(outcome.sharedBytes),
        ]
    }

    static func failed(_ error: any Error) -> JSON {
        let kind = (error as? any Fault)?.kind ?? .internalFailure
        return ["type": "error", "message": .string(sentence(for: error)), "kind": .string(kind.word)]
    }
}

extension LayerState {
    /// The state's name on the wire.
    var word: String {
        switch self {
        case .exists: "exists"
        case .waiting: "waiting"
        case .downloading: "downloading"
        case .retrying: "retrying"
        case .verifying: "verifying"
        case .downloaded: "downloaded"
        case .complete: "complete"
        }
    }
}
