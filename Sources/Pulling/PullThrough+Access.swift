internal import Catalogue
internal import Coordination
internal import OCI
internal import Registry

/// How a repository is read.
struct Access: Sendable {
    /// Not everybody may.
    let isPrivate: Bool
}

extension PullThrough {
    /// How the registry of `repository` is asked. `probe` asks the registry something about it as nobody in particular.
    ///
    /// Where no credential is kept there is nothing to hide: what comes is what anybody gets. Where one is, the
    /// registry itself is asked whether anybody may read the repository, once in a while.
    /// - Throws: ``PullThroughError/withheld(_:)``; what `probe` threw, when it says nothing about access.
    func access(
        to repository: Repository, _ probe: (Credential) async throws -> Void
    ) async throws -> Access {
        guard serves(repository.domain) else { throw PullThroughError.notServed(repository.domain) }
        guard await registry.showsCredential(to: repository.domain) else { return Access(isPrivate: false) }
        if let isOpen = openness[repository] { return try access(to: repository, isOpen: isOpen) }
        let isOpen: Bool
        do {
            try await probe(.anonymous)
            isOpen = true
        } catch let fault as any Fault where [.unauthenticated, .forbidden, .notFound].contains(fault.kind) {
            isOpen = false
        }
        openness[repository] = isOpen
        return try access(to: repository, isOpen: isOpen)
    }

    private func access(to repository: Repository, isOpen: Bool) throws -> Access {
        guard isOpen || servesPrivate else { throw PullThroughError.withheld(repository) }
        return Access(isPrivate: !isOpen)
    }

    /// Whether stored content may be shown to whoever asks under `repository`: it is anybody's, or a manifest that was
    /// shown there names it, or the registry gives it to anybody there.
    func mayShow(
        _ digest: Digest, in repository: Repository, _ probe: () async throws -> Void
    ) async throws -> Bool {
        if isShown(digest) { return true }
        let known = closedSoFar
        if try await catalogue.isPrivate(digest) == false || named[Place(repository: repository, digest: digest)] != nil
        {
            unlessClosed(since: known) { shown[digest] = true }
            return true
        }
        do { try await probe() } catch is any Fault { return false }
        try await catalogue.makePublic(digest)
        unlessClosed(since: known) { shown[digest] = true }
        return true
    }

    /// The registry gave this document to somebody unknown, who asked when `known` repositories had been closed.
    func noteOpen(_ place: Place, since known: Int) {
        unlessClosed(since: known) {
            shown[place.digest] = true
            confirmedOpen[place] = true
        }
    }

    var closedSoFar: Int { closings.withLock { $0 } }

    /// Remembers what was learned about access, unless a repository was closed meanwhile: a request that is under way
    /// then must not open again what it saw open.
    /// - Parameter known: how many had been closed when it was learned.
    func unlessClosed(since known: Int, _ remember: () -> Void) {
        closings.withLock { if $0 == known { remember() } }
    }

    /// Asks the registry once in a while, behind the answer, whether it still gives to anybody what it gave to anybody.
    /// A registry that does not answer changes nothing, nor does one that has lost the document.
    func review(_ place: Place, _ bytes: [UInt8]) {
        let text = "whether anybody may read \(place.text)"
        guard !servesPrivate, confirmedOpen[place] == nil, failures[text] == nil,
            silent[place.repository.domain] != true
        else { return }
        reviewing.start(place) { [self] in
            let known = closedSoFar
            do {
                _ = try await asking(place.repository) {
                    try await registry.resolve(place.reference, credential: .anonymous)
                }
                noteOpen(place, since: known)
            } catch let fault as any Fault where fault.kind == .unauthenticated || fault.kind == .forbidden {
                try await close(place, bytes)
            } catch let fault as any Fault where fault.kind == .notFound {
                confirmedOpen[place] = true
            } catch {
                noteLack(text, error)
            }
            return true
        }
    }

    /// The document, and what it names, is for nobody unknown any more, but for what other repositories have, too.
    private func close(_ place: Place, _ bytes: [UInt8]) async throws {
        var digests = [place.digest]
        switch try Self.document(bytes, place.digest) {
        case .index(let index): digests += index.manifests.map(\.digest)
        case .manifest(let manifest): digests += ([manifest.config] + manifest.layers).map(\.digest)
        }
        openness[place.repository] = false
        let closed = try await catalogue.makePrivate(digests, in: place.repository)
        closings.withLock { closings in
            closings += 1
            for digest in closed {
                let place = Place(repository: place.repository, digest: digest)
                shown[digest] = nil
                named[place] = nil
                fetchable[place] = nil
            }
        }
    }

    /// Whether anybody may read it, as far as that is known without asking.
    func isShown(_ digest: Digest) -> Bool { servesPrivate || shown[digest] == true }
}

extension PullThrough {
    /// Runs what asks a registry, and keeps in mind how that went.
    func asking<Result>(_ repository: Repository, _ body: () async throws -> Result) async throws -> Result {
        do {
            let result = try await body()
            silent[repository.domain] = nil
            slow[repository.domain] = nil
            return result
        } catch let fault as any Fault {
            if fault.isSilence { silent[repository.domain] = true }
            throw fault
        }
    }

    /// Throws what was found lacking under `key` a moment ago.
    func checkLack(_ key: String) throws {
        guard let lack = lacks[key] ?? failures[key] else { return }
        throw PullThroughError.lacking(kind: lack.kind, lack.text)
    }

    /// Remembers for a moment that something cannot be had, so that a flood of questions does not become one upstream.
    func noteLack(_ key: String, _ error: any Error) {
        guard let fault = error as? any Fault else { return }
        let lack = Lack(kind: fault.kind, text: fault.description)
        if [.notFound, .unauthenticated, .forbidden].contains(fault.kind) {
            lacks[key] = lack
        } else {
            failures[key] = lack
        }
    }
}

extension PullThrough {
    /// What was promised did not come. For a moment nobody is shown a manifest that needs it: those who have one fail,
    /// and with their next attempt turn elsewhere.
    func noteFailure(of place: Place, _ error: any Error) {
        fetchable[place] = nil
        guard let fault = error as? any Fault else { return }
        lacks[place.text] = Lack(kind: fault.kind, text: fault.description)
    }
}

extension Fault {
    /// The other side does not answer, or not now.
    var isSilence: Bool {
        switch kind {
        case .timedOut, .unavailable, .rateLimited: true
        default: false
        }
    }
}
