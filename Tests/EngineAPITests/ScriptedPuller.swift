import OCI
import Pulling
import Registry
import Serving

/// Answers pulls as it was told to, and remembers what was asked.
actor ScriptedPuller: ImagePuller {
    struct Script: Sendable {
        var target = TestImage.digest(0x77)
        var layers: [Descriptor] = []
        var upToDate = false
        var events: [PullEvent] = []
        /// Thrown before anything is told.
        var refusal: (any Error)?
        /// Thrown after the events.
        var failure: (any Error)?
        var tags: [String] = []
        /// After the events there is silence, until the listener leaves.
        var hangs = false
    }

    private let script: Script
    private(set) var requests: [PullRequest] = []

    init(_ script: Script = Script()) {
        self.script = script
        (departures, departed) = AsyncStream<Void>.makeStream()
    }

    func pull(_ request: PullRequest) async throws -> Pull {
        requests.append(request)
        if let refusal = script.refusal { throw refusal }
        let tape = EventTape(script)
        let (script, reference) = (script, request.reference)
        return Pull(
            reference: reference,
            target: Descriptor(mediaType: .ociManifest, digest: script.target, size: 1), layers: script.layers,
            upToDate: script.upToDate,
            events: AsyncThrowingStream(unfolding: {
                if let event = try await tape.next() { return event }
                if script.hangs { try await self.silence() }
                return nil
            }),
            outcome: {
                PullOutcome(
                    reference: reference, digest: script.target, upToDate: script.upToDate, fetchedBytes: 0,
                    fetchedBlobs: 0, sharedBytes: 0)
            })
    }

    /// How many listeners left while there was nothing to tell.
    let departures: AsyncStream<Void>
    private let departed: AsyncStream<Void>.Continuation

    private func silence() async throws {
        defer { departed.yield() }
        let (never, keeper) = AsyncStream<Void>.makeStream()
        for await _ in never {}
        withExtendedLifetime(keeper) {}
        try Task.checkCancellation()
    }

    func tags(of repository: Repository, credential: Credential?) async throws -> [String] {
        if let refusal = script.refusal { throw refusal }
        return script.tags
    }
}

/// The events of one pull, and what comes after them.
private actor EventTape {
    private var events: ArraySlice<PullEvent>
    private let failure: (any Error)?

    init(_ script: ScriptedPuller.Script) {
        events = script.events[...]
        failure = script.failure
    }

    func next() throws -> PullEvent? {
        if let event = events.popFirst() { return event }
        if let failure { throw failure }
        return nil
    }
}

/// A fault of any kind.
struct TestFault: Fault, Equatable {
    var kind: FaultKind
    var description = "it went wrong"
}

/// Keeps what a stream writes; fails like a client that left after some lines.
actor CollectingWriter: ResponseWriter {
    private(set) var bytes: [UInt8] = []
    private var patience: Int

    init(patience: Int = .max) { self.patience = patience }

    func write(_ bytes: [UInt8]) async throws {
        guard patience > 0 else { throw ClientGone() }
        patience -= 1
        self.bytes += bytes
    }
}
