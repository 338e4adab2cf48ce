internal import Catalogue
internal import FoundationEssentials
internal import Logging
internal import OCI
internal import Pulling
internal import Storage

/// Opens the store and the catalogue, and brings the two together where the last process could not.
struct Opening: Sendable {
    let stateDirectory: String
    let logger: Logger

    private var path: String { stateDirectory + "/catalog.sqlite" }
    /// A rebuild grows here and takes the catalogue's name when it is whole, so that one that dies begins again.
    private var draft: String { path + ".rebuild" }

    /// After an orderly stop nothing is looked at. After any other end, one reading of the directories settles what is
    /// recorded with what is there; a catalogue that is lost or damaged is rebuilt.
    /// - Parameter rebuild: rebuild it whatever its state.
    func open(_ store: LocalContentStore, rebuild: Bool = false) async throws -> Catalogue {
        guard !store.wasStoppedOrderly else {
            let catalogue = try await openOrRebuild(store, rebuild: rebuild)
            store.use(CatalogueRecords(catalogue: catalogue))
            return catalogue
        }
        let found = try await surveyed(store, rebuild: rebuild)
        let catalogue = found.catalogue
        let settlement = try await store.settle(found.survey, records: CatalogueRecords(catalogue: catalogue))
        let lost = try await catalogue.lose(settlement.missing)
        guard settlement != Settlement() else { return catalogue }
        logger.notice(
            "settled after an unclean stop",
            metadata: [
                "suspects": "\(settlement.suspects)", "unrecorded": "\(settlement.unrecorded)",
                "missing": "\(lost.count)", "foreign": "\(settlement.foreign)",
            ])
        for blob in lost {
            logger.warning(
                "a recorded blob is not there any more, or not what it was; pull its images again",
                metadata: ["digest": "\(blob.descriptor.digest)", "source": "\(blob.source ?? "unknown")"])
        }
        return catalogue
    }

    private struct Found {
        let catalogue: Catalogue
        let survey: BlobSurvey
    }

    /// The catalogue, looked through, with what the blobs' directories say to it: both at the same time, for each reads
    /// all of its part of the disk.
    private func surveyed(_ store: LocalContentStore, rebuild: Bool) async throws -> Found {
        let catalogue = try await openOrRebuild(store, rebuild: rebuild)
        do {
            async let check: Void = catalogue.check()
            let survey = try await store.survey(recorded: try await catalogue.blobSizes())
            try await check
            return Found(catalogue: catalogue, survey: survey)
        } catch CatalogueError.damaged(_, let finding) {
            try await catalogue.close()
            let fresh = try await self.rebuild(store, because: finding)
            return Found(catalogue: fresh, survey: try await store.survey(recorded: try await fresh.blobSizes()))
        }
    }

    private func openOrRebuild(_ store: LocalContentStore, rebuild: Bool) async throws -> Catalogue {
        if rebuild { return try await self.rebuild(store, because: "it was asked for") }
        do {
            let catalogue = try await openOnFullDisk(store)
            do {
                guard try await catalogue.totals().images == 0, !(try await indexNames(store)).isEmpty else {
                    return catalogue
                }
            } catch {
                try await catalogue.close()
                throw error
            }
            try await catalogue.close()
            return try await self.rebuild(store, because: "it is empty, and index.json is not")
        } catch CatalogueError.damaged(_, let reason) {
            return try await self.rebuild(store, because: reason)
        }
    }

    /// SQLite needs some kilobytes to open a catalogue, which others may have taken while nothing ran.
    private func openOnFullDisk(_ store: LocalContentStore) async throws -> Catalogue {
        do { return try await Catalogue.open(path: path) { Timestamp.now() } } catch let error as CatalogueError {
            switch error {
            case .full, .unusable:
                guard try await store.giveReserve() else { throw error }
                logger.warning("the disk is full; remove images or make room", metadata: ["reason": "\(error)"])
                return try await Catalogue.open(path: path) { Timestamp.now() }
            default: throw error
            }
        }
    }

    private func rebuild(_ store: LocalContentStore, because reason: String) async throws -> Catalogue {
        logger.warning("rebuilding the catalogue from index.json and the blobs", metadata: ["reason": "\(reason)"])
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: draft + suffix) {
            try FileManager.default.removeItem(atPath: draft + suffix)
        }
        let fresh = try await Catalogue.open(path: draft) { Timestamp.now() }
        let report: CatalogueRebuild.Report
        do {
            report = try await CatalogueRebuild(store: store, catalogue: fresh).run(try await indexNames(store))
        } catch {
            try await fresh.close()
            throw error
        }
        try await fresh.close()
        try Catalogue.setAside(path: path)
        try await store.rename(draft, to: path)
        logger.warning(
            "the catalogue is rebuilt; what it was is beside it, with the ending .damaged",
            metadata: ["names": "\(report.names)", "images": "\(report.images)"])
        return try await Catalogue.open(path: path) { Timestamp.now() }
    }

    /// An index that cannot be read names nothing: nothing that can be rebuilt is a reason not to start.
    private func indexNames(_ store: LocalContentStore) async throws -> [NamedDescriptor] {
        do { return try await store.readIndex() } catch let fault as any Fault {
            logger.warning("index.json cannot be read", metadata: ["reason": "\(fault.description)"])
            return []
        }
    }
}

/// The catalogue as the store's memory.
struct CatalogueRecords: BlobRecords {
    let catalogue: Catalogue

    func verification(of digest: Digest) async throws -> Verification? {
        try await catalogue.verification(of: digest).map {
            Verification(size: $0.size, inode: $0.inode, changed: $0.changed, boot: $0.boot)
        }
    }

    func update(verified: [Digest: Verification], removed: Set<Digest>) async throws {
        try await catalogue.update(
            verified: verified.mapValues {
                VerifiedFile(size: $0.size, inode: $0.inode, changed: $0.changed, boot: $0.boot)
            }, removed: removed)
    }
}
