internal import Catalogue
internal import Coordination
internal import OCI
internal import Registry
internal import Storage

extension PullThrough {
    /// What a tag means: as was learnt before, however long ago, with a question to the registry in the background when
    /// that was too long ago; else as the registry says now. `nil` for a digest, which says itself what it means.
    func meaning(of reference: Reference) async throws -> Meaning? {
        guard reference.digest == nil else { return nil }
        if let known = try await known(reference), !known.isGone {
            if age(of: known) > belief(in: reference) { revalidate(reference) }
            return known
        }
        return try await patiently(resolving, reference, reference.familiar, patience.document) { [self] in
            try await ask(reference)
        }
    }

    /// Since when the registry has not been asked.
    func age(of meaning: Meaning) -> Duration {
        .seconds(max(0, now().seconds - meaning.confirmed.seconds))
    }

    /// How long what the tag means is believed.
    func belief(in reference: Reference) -> Duration {
        guard let registry = registries[reference.repository.domain] else { return .zero }
        let fitting = registry.patterns.filter { rule in
            do {
                return try ReferenceGlob.matches(rule.pattern, reference)
                    || ReferenceGlob.matches(rule.pattern, reference.description)
            } catch { return false }
        }
        let rule = fitting.max { $0.pattern.utf8.count < $1.pattern.utf8.count }
        return rule?.revalidateAfter ?? registry.revalidateAfter
    }

    private func known(_ reference: Reference) async throws -> Meaning? {
        if let meaning = meanings[reference] { return meaning }
        let confirmation = try await catalogue.confirmation(of: reference)
        var meaning = confirmation.map { Meaning(descriptor: $0.descriptor, confirmed: $0.confirmed) }
        // A pull over the control socket asks the registry, too.
        if let image = try await catalogue.image(named: reference), let tagged = image.lastTagged,
            tagged.seconds > meaning?.confirmed.seconds ?? .min
        {
            meaning = Meaning(descriptor: image.target, confirmed: tagged)
        }
        meanings[reference] = meaning
        return meaning
    }

    /// Asks by HEAD, which costs no allowance, while the answer that is known goes out. What failed a moment ago is not
    /// asked again.
    private func revalidate(_ reference: Reference) {
        let text = reference.familiar
        guard lacks[text] == nil, failures[text] == nil else { return }
        resolving.start(reference) { [self] in
            do { return try await ask(reference) } catch let fault as any Fault {
                noteLack(text, fault)
                let isGone = [.notFound, .unauthenticated, .forbidden].contains(fault.kind)
                if var meaning = meanings[reference] {
                    meaning.isGone = isGone
                    meaning.isUnconfirmed = !isGone
                    meanings[reference] = meaning
                }
                throw fault
            }
        }
    }

    private func ask(_ reference: Reference) async throws -> Meaning {
        let known = closedSoFar
        let access = try await access(to: reference.repository) { credential in
            _ = try await registry.resolve(reference, credential: credential)
        }
        let resolution = try await asking(reference.repository) {
            try await registry.resolve(reference, credential: nil)
        }
        let meaning = Meaning(descriptor: resolution.descriptor, confirmed: now())
        if let body = resolution.body {
            _ = try Self.document(body, resolution.descriptor.digest)
            try await store.ingest(resolution.descriptor) { try $0.replace(with: body) }
        }
        if !access.isPrivate {
            noteOpen(Place(repository: reference.repository, digest: meaning.descriptor.digest), since: known)
        }
        meanings[reference] = meaning
        // Not worth failing for: it is asked again after the next start.
        do { try await catalogue.confirm(reference, means: meaning.descriptor, at: meaning.confirmed) } catch {}
        return meaning
    }
}
