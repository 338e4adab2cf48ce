public import Catalogue
internal import Coordination
internal import Glibc
internal import Hashing
public import Layers
public import OCI
public import Storage

/// Inflates every layer once, after its image was recorded, to see whether it is what the image's config says, and how
/// long it is unpacked.
///
/// A digest proves that the bytes are those the manifest names; that they unpack to the diffID in the config nobody
/// proves but who unpacks them, and an engine finds out in the middle of a `run`. Work is done behind everybody's back:
/// one layer at a time, on a thread that yields to all others, at a limited rate. What is known is in the catalogue, so
/// that a restart goes on where it stopped, and a layer that many images use is inflated once.
public final class LayerChecker: Sendable {
    /// How much it takes.
    public struct Limits: Sendable {
        /// Of one layer.
        public var inflate = InflateLimits(total: 1 << 40)
        /// Bytes read from the store in a second; `nil` is as fast as can be.
        public var rate: Int64? = 128 << 20
        /// How often the catalogue is looked at when nobody said that there is news.
        public var interval: Duration = .seconds(30)
        public init() {}
    }

    private let catalogue: Catalogue
    private let store: any ContentStore
    private let events: ImageEventLog
    private let limits: Limits
    private let report: @Sendable (Digest, String) -> Void
    private let thread = CheckThread()
    /// Layers asked for at a time, to get past those that are skipped.
    private static let glance = 64
    /// Layers whose bytes could not be had in this process's life: whoever heals them records them anew.
    private let skipped = Locked<Set<Digest>>([])

    /// - Parameter report: told once of each image whose layers are not what its config says.
    public init(
        catalogue: Catalogue, store: any ContentStore, events: ImageEventLog,
        limits: Limits = Limits(), report: @escaping @Sendable (Digest, String) -> Void
    ) {
        self.catalogue = catalogue
        self.store = store
        self.events = events
        self.limits = limits
        self.report = report
    }

    /// Checks whatever comes, until it is cancelled.
    /// - Throws: `CancellationError`.
    public func run() async throws {
        let (news, tell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [events] in
                while !Task.isCancelled {
                    let (_, stream) = events.subscribe()
                    do { for try await _ in stream { tell.yield() } } catch is EventsMissed { tell.yield() }
                }
            }
            group.addTask { [limits] in
                while true {
                    tell.yield()
                    try await Task.sleep(for: limits.interval)
                }
            }
            for await _ in news {
                // A catalogue that is busy or a disk that fails is somebody else's to report; the next round tries on.
                do { try await checkAll() } catch let error as CancellationError { throw error } catch {}
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    /// Checks what there is now. Goes once over the layers, and after each over the images that use it and those that
    /// have come meanwhile: a catalogue that was rebuilt has all of its images unjudged.
    /// - Throws: a ``Fault`` of the catalogue; `CancellationError`.
    public func checkAll() async throws {
        let newest = try await catalogue.newestImage()
        try await judgeAll(after: 0)
        var last: Int64 = 0
        while let layer = try await next(after: &last) {
            try Task.checkCancellation()
            try await check(layer)
            for image in try await catalogue.unjudgedImages(using: layer.digest) { try await judge(image) }
            try await judgeAll(after: newest)
        }
    }

    private func judgeAll(after number: Int64) async throws {
        var last = number
        while let image = try await catalogue.unjudgedImage(after: last) {
            try await judge(image.digest)
            last = image.number
        }
    }

    /// The next layer to check, as the catalogue has it now.
    private func next(after last: inout Int64) async throws -> UncheckedLayer? {
        while true {
            let layers = try await catalogue.uncheckedLayers(after: last, limit: Self.glance)
            guard let end = layers.last else { return nil }
            let layer = skipped.withLock { skipped in layers.first { !skipped.contains($0.digest) } }
            last = layer?.number ?? end.number
            if let layer { return layer }
        }
    }

    private func check(_ layer: UncheckedLayer) async throws {
        // Nobody can inflate these without a key.
        if layer.mediaType.text.hasSuffix("+encrypted") {
            return try await catalogue.learn(layer.digest, .failed("it is encrypted"))
        }
        // Under no lease: what is open can be read to its end whoever removes it, and no removal is to free less than
        // it said because somebody looks.
        do {
            let file = try await store.open(layer.digest)
            guard let finding = try await inflate(file, layer.digest) else {
                _ = skipped.withLock { $0.insert(layer.digest) }
                return
            }
            try await catalogue.learn(layer.digest, finding)
        } catch let fault as any Fault where fault.kind == .notFound || fault.kind == .integrity {
            _ = skipped.withLock { $0.insert(layer.digest) }
        }
    }

    /// `nil` when the stored bytes are not those of the digest any more: of such nothing is to be learnt.
    private func inflate(_ file: BlobFile, _ digest: Digest) async throws -> LayerFinding? {
        await thread.begin(digest.algorithm, limits.inflate)
        let began = ContinuousClock.now
        var offset: Int64 = 0
        while offset < file.size {
            try Task.checkCancellation()
            let count = try await thread.step(file, digest, at: offset)
            offset += Int64(count)
            guard let rate = limits.rate else { continue }
            let ahead = .seconds(Double(offset) / Double(rate)) - (ContinuousClock.now - began)
            if ahead > .milliseconds(50) { try await Task.sleep(for: ahead) }
        }
        let (actual, finding) = await thread.finish()
        try await store.concluded(digest, file, actual: actual)
        return actual == digest ? finding : nil
    }

    // MARK: Images

    private func judge(_ image: Digest) async throws {
        try Task.checkCancellation()
        let blobs = try await catalogue.blobs(of: image).count
        let problem = try await problem(of: image)
        guard try await catalogue.judge(image, problem: problem, blobs: blobs), let problem else { return }
        events.post(.mismatched(image, problem: problem))
        report(image, problem)
    }

    /// The first thing that is not as the image's configs say.
    private func problem(of image: Digest) async throws -> String? {
        let findings = try await catalogue.findings(of: image)
        for manifest in try await catalogue.manifests(of: image) where manifest.available && manifest.kind == .image {
            guard let config = manifest.config, config.mediaType.isImageConfig else { continue }
            let diffIDs: [Digest]
            do {
                let bytes = try await store.read(config.digest, limit: ImageConfig.maximumSize)
                diffIDs = try ImageConfig(parsing: bytes).diffIDs
            } catch let fault as any Fault where [.notFound, .integrity].contains(fault.kind) {
                return "its config \(config.digest) cannot be read: \(fault)"
            }
            if let problem = Self.problem(manifest.layers, diffIDs, findings) { return problem }
        }
        return nil
    }

    static func problem(
        _ layers: [Descriptor], _ diffIDs: [Digest], _ findings: [Digest: LayerFinding]
    ) -> String? {
        guard layers.count == diffIDs.count else {
            return "its manifest has \(layers.count) layers and its config \(diffIDs.count) diffIDs"
        }
        for (place, (layer, expected)) in zip(layers, diffIDs).enumerated() {
            switch findings[layer.digest] {
            case .unpacked(let actual, _) where actual != expected && actual.algorithm == expected.algorithm:
                return "layer \(place) (\(layer.digest)) unpacks to \(actual), and its config says \(expected)"
            case .failed(let reason) where !layer.mediaType.text.hasSuffix("+encrypted"):
                return "layer \(place) (\(layer.digest)) cannot be unpacked: \(reason)"
            case .unpacked, .failed, nil: continue
            }
        }
        return nil
    }
}

/// The thread that inflates, at the lowest priority the system has.
private actor CheckThread {
    private static let pieceSize = 256 << 10

    private let executor = ThreadExecutor(name: "check-layers")
    private var digester = Digester()
    private var layer: LayerDigester?
    private var failure: String?
    private var buffer = [UInt8](repeating: 0, count: pieceSize)
    private var isNice = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func begin(_ algorithm: Digest.Algorithm, _ limits: InflateLimits) {
        // On Linux the priority is a thread's own. Where it is refused, the work is done all the same.
        if !isNice { isNice = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19) == 0 }
        digester = Digester(algorithm)
        layer = LayerDigester(limits: limits)
        failure = nil
    }

    /// Reads and inflates a piece; returns how many bytes of the blob it was.
    func step(_ file: BlobFile, _ digest: Digest, at offset: Int64) throws -> Int {
        let wanted = Int(min(Int64(Self.pieceSize), file.size - offset))
        let count = buffer.withUnsafeMutableBytes { room in
            // INVARIANT (raw pointer): `pread` writes at most `wanted` bytes, and `room` has as many.
            pread(file.descriptor, room.baseAddress, wanted, off_t(offset))
        }
        guard count > 0 else { throw StorageError.damaged(digest, reason: "it cannot be read", quarantine: nil) }
        let bytes = buffer.span
        digester.update(bytes.bytes.extracting(0..<count))
        if failure == nil {
            do { try layer?.update(bytes.bytes.extracting(0..<count)) } catch { failure = "\(error)" }
        }
        return count
    }

    /// What the blob's bytes hash to, and what is in them.
    func finish() -> (digest: Digest, finding: LayerFinding) {
        let digest = digester.finalize()
        if let failure { return (digest, .failed(failure)) }
        do {
            guard let unpacked = try layer?.finish() else { return (digest, .failed("nothing was read")) }
            return (digest, .unpacked(diffID: unpacked.diffID, size: unpacked.size))
        } catch {
            return (digest, .failed("\(error)"))
        }
    }
}
