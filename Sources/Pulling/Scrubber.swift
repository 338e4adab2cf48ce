internal import Coordination
public import OCI
public import Storage

/// Re-reads every blob from the medium at a limited rate, quarantines what is damaged and brings it again.
public struct Scrubber: Sendable {
    /// What one scrub came to.
    public struct Report: Sendable {
        /// One damaged blob.
        public struct Damage: Sendable {
            public var digest: Digest
            /// Bytes.
            public var size: Int64
            public var reason: String
            /// `nil` in a dry run, which moves and fetches nothing.
            public var healing: Healer.Outcome?
        }

        public var isDryRun: Bool
        /// Blobs read, and their bytes.
        public var blobs = 0, bytes: Int64 = 0
        public var damaged: [Damage] = []
        public var seconds: Double = 0
    }

    /// Bytes a second when nobody says otherwise: half of what a plain disk reads.
    public static let rate: Int64 = 100 << 20

    private let store: any BlobScrubbing
    private let healer: Healer
    private let rate: Int64
    private let turn = SlotQueue(total: 1, perKey: 1)

    public init(store: any BlobScrubbing, healer: Healer, rate: Int64 = Scrubber.rate) {
        self.store = store
        self.healer = healer
        self.rate = rate
    }

    /// Reads all blobs that are there when it begins. One scrub runs at a time; the next waits for its end. A blob
    /// that cannot be read is damaged like one that reads otherwise, and the scrub goes on.
    /// - Throws: a ``Fault`` when the store as such cannot be listed; `CancellationError`.
    public func run(dryRun: Bool = false) async throws -> Report {
        try await turn.withSlot(key: "scrub", lane: 0) {
            let begun = ContinuousClock.now
            var report = Report(isDryRun: dryRun)
            for (digest, size) in try await store.blobs().sorted(by: { $0.digest < $1.digest }) {
                try Task.checkCancellation()
                switch try await store.scrub(digest, rate: rate, keeping: dryRun) {
                case .gone: continue
                case .intact: break
                case .damaged(let reason):
                    let healing = dryRun ? nil : await healer.heal(digest)
                    report.damaged.append(.init(digest: digest, size: size, reason: reason, healing: healing))
                }
                report.blobs += 1
                report.bytes += size
            }
            let took = (ContinuousClock.now - begun).components
            report.seconds = Double(took.seconds) + Double(took.attoseconds) / 1e18
            return report
        }
    }
}
