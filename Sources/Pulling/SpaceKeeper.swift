internal import Coordination
public import Catalogue
public import OCI
public import Storage

/// Keeps the store within its quota: nothing is fetched before there is room for it, and room is made by evicting whole
/// images.
///
/// What is being fetched counts with its full size from the moment it is let in; what an interrupted transfer left
/// counts with the bytes it has. So the store is never beyond the limit, not even for a moment.
public final class SpaceKeeper: Sendable {
    private struct State {
        var quota: Quota
        /// Blobs let in, each with its size and how many want it.
        var reserved: [Digest: (size: Int64, count: Int)] = [:]
        /// Bytes let in whose digest only their end will tell.
        var staged: Int64 = 0
        var decisions: [EvictionDecision] = []
    }

    let store: any ContentStore
    let disk: (any SpaceReporting)?
    let catalogue: Catalogue
    let collector: Collector
    let now: @Sendable () -> Timestamp
    private let tell: @Sendable (EvictionDecision) -> Void
    private let state: Locked<State>
    /// One looks and evicts at a time: two would both see the same room.
    private let turn = SlotQueue(total: 1, perKey: 1)

    /// Decisions kept to be asked for.
    static let keptDecisions = 200

    /// - Parameters:
    ///   - disk: `nil` for stores that are not on one.
    ///   - now: what ages are measured with.
    ///   - tell: hears of every image that goes, and why.
    public init(
        quota: Quota, store: any ContentStore, disk: (any SpaceReporting)?, catalogue: Catalogue, collector: Collector,
        now: @escaping @Sendable () -> Timestamp,
        tell: @escaping @Sendable (EvictionDecision) -> Void
    ) {
        state = Locked(State(quota: quota))
        self.store = store
        self.disk = disk
        self.catalogue = catalogue
        self.collector = collector
        self.now = now
        self.tell = tell
    }

    /// What holds now; a reload may change it.
    public var quota: Quota {
        get { state.withLock { $0.quota } }
        set { state.withLock { $0.quota = newValue } }
    }

    /// The last images that went, the newest last.
    public var decisions: [EvictionDecision] { state.withLock { $0.decisions } }

    /// Lets blobs in that are about to be fetched: makes room for those that are not here, and keeps it until the
    /// admission is ended or dropped. To be called with the blobs under a ``Lease``, so that none that is here goes.
    /// - Throws: ``SpaceError/noRoom(needed:available:staying:)`` before anything was evicted; what an eviction failed
    ///   of.
    public func admit(_ blobs: [Descriptor]) async throws -> SpaceAdmission {
        if let covered = reserveCovered(blobs) { return covered }
        return try await turn.withSlot(key: "space", lane: 0) {
            let wanted = try await absent(of: blobs)
            guard !wanted.isEmpty else { return SpaceAdmission(self, []) }
            try await makeRoom(for: wanted)
            return reserve(wanted)
        }
    }

    /// Lets bytes in that are about to be staged, as a file of an archive: nobody knows their digest yet. To be ended
    /// when they have become a blob, or are gone.
    /// - Throws: as ``admit(_:)``.
    func admit(staging bytes: Int64) async throws -> SpaceAdmission {
        try await turn.withSlot(key: "space", lane: 0) {
            try await makeRoom(for: [], staging: bytes)
            state.withLock { $0.staged += bytes }
            return SpaceAdmission(self, [], staged: bytes)
        }
    }

    /// Whether blobs could be let in, as things are; nothing goes for it.
    /// - Throws: ``SpaceError/noRoom(needed:available:staying:)``.
    public func check(_ blobs: [Descriptor]) async throws {
        guard isLimited else { return }
        let wanted = try await absent(of: blobs)
        let room = try await room(for: wanted)
        if room.missing > 0 { _ = try await plan(room) }
    }

    private func absent(of blobs: [Descriptor]) async throws -> [Descriptor] {
        var absent: [Descriptor] = []
        for blob in blobs where try await store.size(of: blob.digest) != blob.size { absent.append(blob) }
        return absent
    }

    private var isLimited: Bool { state.withLock { $0.quota.maxSize > 0 || $0.quota.minFree > 0 } }

    /// Brings the store back within a quota that was lowered, or a disk that others filled. What cannot go stays.
    public func settle() async throws {
        // Without a limit there is nothing to keep to, and no reason to look at the store.
        guard isLimited else { return }
        try await turn.withSlot(key: "space", lane: 0) {
            let room = try await room(for: [])
            guard room.missing > 0 else { return }
            _ = try await free(room)
        }
    }

    // MARK: Reservations

    /// When every blob is on its way already, the room is taken: nothing needs to be looked at.
    private func reserveCovered(_ blobs: [Descriptor]) -> SpaceAdmission? {
        let isCovered = state.withLock { state in blobs.allSatisfy { state.reserved[$0.digest] != nil } }
        return isCovered && !blobs.isEmpty ? reserve(blobs) : nil
    }

    private func reserve(_ blobs: [Descriptor]) -> SpaceAdmission {
        var seen = Set<Digest>()
        let distinct = blobs.filter { seen.insert($0.digest).inserted }
        state.withLock { state in
            for blob in distinct { state.reserved[blob.digest, default: (blob.size, 0)].count += 1 }
        }
        return SpaceAdmission(self, distinct.map(\.digest))
    }

    func release(_ digests: [Digest], staged: Int64) {
        state.withLock { state in
            state.staged -= staged
            for digest in digests {
                guard let held = state.reserved[digest] else { continue }
                state.reserved[digest] = held.count > 1 ? (held.size, held.count - 1) : nil
            }
        }
    }

    // MARK: Room

    /// How things stand, in bytes.
    struct Room {
        /// Of blobs, transfers and reservations.
        var used: Int64
        var needed: Int64
        /// Somebody asks for room, and is to be refused when there is none.
        var isAskedFor: Bool
        /// That have to go, and that go once something has to; at most 0 when there is room.
        var missing: Int64, desired: Int64
        /// What goes before any image: interrupted transfers, and blobs that no image uses. Bytes of both.
        var orphans: [HeldIngest]
        var strays: [FreedBlob] = []
        var loose: Int64 { orphans.reduce(0) { $0 + $1.bytes } + strays.reduce(0) { $0 + $1.size } }
    }

    func room(for wanted: [Descriptor], staging: Int64 = 0) async throws -> Room {
        let (quota, reserved, staged) = state.withLock { ($0.quota, $0.reserved, $0.staged) }
        var coming: [Digest: Int64] = [:]
        for (digest, held) in reserved where try await store.size(of: digest) == nil { coming[digest] = held.size }
        // Afterwards: a blob that arrives in between counts twice, where the other way round it would not count.
        let stored = try await store.blobBytes()
        let held = try await disk?.ingests() ?? []
        let own = Set(wanted.map(\.digest))
        let orphans = held.filter { !$0.isActive && coming[$0.digest] == nil && !own.contains($0.digest) }
        let others = held.filter { $0.isActive && coming[$0.digest] == nil }
        var used = stored + staged + coming.values.reduce(0, +)
        used += orphans.reduce(0) { $0 + $1.bytes } + others.reduce(0) { $0 + $1.total }
        var seen = Set<Digest>()
        // A document may claim any size: what is more than any disk holds is one number, far from where sums end.
        let needed = min(
            Self.mostNeeded,
            wanted.filter { coming[$0.digest] == nil && seen.insert($0.digest).inserted }
                .reduce(staging) { min($0, Self.mostNeeded) + min($1.size, Self.mostNeeded) })
        var missing = quota.maxSize == 0 ? 0 : used + needed - quota.blobLimit
        var desired = missing > 0 ? used + needed - quota.lowMark : 0
        if let disk {
            // What is let in and has not begun comes off what the disk says is free; what has begun has its blocks.
            let begun = Set(held.filter(\.isActive).map(\.digest))
            let unwritten = coming.filter { !begun.contains($0.key) }.reduce(Int64(0)) { $0 + $1.value }
            let short = quota.minFree + needed + unwritten - (try await disk.freeBytes())
            missing = max(missing, short)
            desired = max(desired, short)
        }
        var room = Room(
            used: used, needed: needed, isAskedFor: staging > 0 || !wanted.isEmpty, missing: missing, desired: desired,
            orphans: orphans)
        // A walk, which only a lack of room is worth.
        if missing > 0 { room.strays = try await collector.strays() }
        return room
    }

    private static let mostNeeded: Int64 = 1 << 60

    /// The plan is made before anything goes: a pull that cannot have its room costs nobody an image.
    private func makeRoom(for wanted: [Descriptor], staging: Int64 = 0) async throws {
        // What was planned may be used or pinned by the time it is to go; then it is planned anew.
        for _ in 0..<4 {
            let room = try await room(for: wanted, staging: staging)
            guard room.missing > 0 else { return }
            guard try await free(room) else { continue }
        }
        let room = try await room(for: wanted, staging: staging)
        guard room.missing > 0 else { return }
        throw SpaceError.noRoom(needed: room.needed, available: room.needed - room.missing, staying: [])
    }

    /// Frees what is missing, and if it can, what is desired. Returns whether anything went.
    private func free(_ room: Room) async throws -> Bool {
        let plan = try await plan(room)
        for orphan in room.orphans { try await disk?.dropIngest(orphan.digest) }
        try await collector.collect(room.strays.map(\.digest))
        for victim in plan.victims { try await evict(victim, room) }
        return !plan.victims.isEmpty || room.loose > 0
    }

    /// What goes so that there is room.
    /// - Throws: ``SpaceError/noRoom(needed:available:staying:)``.
    private func plan(_ room: Room) async throws -> EvictionPlan {
        let plan = try await plan(freeing: room.desired - room.loose)
        guard plan.frees + room.loose >= room.missing || !room.isAskedFor else {
            let staying = plan.staying.prefix(5).map { "\(Self.name($0.image)) (\($0.why.rawValue))" }
            throw SpaceError.noRoom(
                needed: room.needed, available: room.needed - room.missing + plan.frees + room.loose, staying: staying)
        }
        return plan
    }

    private func plan(freeing wanted: Int64) async throws -> EvictionPlan {
        plan(freeing: wanted, of: try await sharing())
    }

    /// What the catalogue knows by now.
    func sharing() async throws -> Sharing {
        try await catalogue.enterUses()
        return try await catalogue.sharing()
    }

    func plan(freeing wanted: Int64, of sharing: Sharing) -> EvictionPlan {
        let collector = collector
        return EvictionPlan(
            sharing, wanted: wanted, keepAtLeast: quota.keepAtLeast, now: now(),
            isHeld: { collector.isHeld($0) })
    }

    private func evict(_ victim: EvictionPlan.Victim, _ room: Room) async throws {
        let removed = try await collector.remove(images: [victim.image.id], sparing: .held)
        guard let image = removed.removal.images.first else { return }
        let decision = EvictionDecision(
            at: now(), image: Self.name(image), id: image.id, freed: removed.bytes, worth: victim.worth,
            used: room.used, needed: room.needed, limit: quota.maxSize)
        state.withLock { state in
            state.decisions.append(decision)
            state.decisions.removeFirst(max(0, state.decisions.count - Self.keptDecisions))
        }
        tell(decision)
    }

    static func name(_ image: ImageSummary) -> String {
        image.tags.first?.familiar ?? image.digests.first?.familiar ?? "\(image.id)"
    }
}

/// Room that was made for blobs, until they are there or given up.
public final class SpaceAdmission: Sendable {
    private let keeper: SpaceKeeper
    private let held: Locked<(digests: [Digest], staged: Int64)>

    init(_ keeper: SpaceKeeper, _ digests: [Digest], staged: Int64 = 0) {
        self.keeper = keeper
        held = Locked((digests, staged))
    }

    /// Gives the room back; what has come by now takes it itself.
    public func end() {
        let (digests, staged) = held.withLock { held in
            defer { held = ([], 0) }
            return held
        }
        keeper.release(digests, staged: staged)
    }

    deinit { end() }
}
