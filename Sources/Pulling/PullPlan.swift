internal import OCI
internal import Storage

/// What one pull has to bring: settled by the manifest of the wanted platform, before the first layer byte.
struct PullPlan: Sendable {
    /// Real images nest an index in an index at the most; anything deeper is an attack on our patience.
    static let maximumNesting = 3
    /// Docker stops at 127 layers; other tools at none. Ten times that leaves room and still bounds our tables.
    static let maximumLayers = 1_270

    var reference: Reference
    /// What the name points to.
    var target: Descriptor
    /// Indexes on the way from the target to the manifest, the target first; empty for a single manifest.
    var indexes: [(descriptor: Descriptor, index: Index)]
    /// Of the wanted platform.
    var manifestDescriptor: Descriptor
    var manifest: Manifest
    /// Distinct layers, base first, each with whether the store has it.
    var layers: [Descriptor]
    var present: Set<Digest>
    var configPresent: Bool
    /// Documents that had to come over the network for this plan, and their bytes.
    var fetchedDocuments: Int
    var fetchedDocumentBytes: Int64
    /// Those of them that a registry counts as pulls: manifests and indexes.
    var registryPulls: Int
    /// The name already means this content, and all of it is here: nothing to do but to say so.
    var upToDate = false

    /// What is to be fetched, the config first.
    var missing: [Descriptor] { (configPresent ? [] : [manifest.config]) + missingLayers }
    var missingLayers: [Descriptor] { layers.filter { !present.contains($0.digest) } }
    var isComplete: Bool { configPresent && missingLayers.isEmpty }
}

extension Manifest {
    /// Every digest once, in order: a manifest may name one layer several times.
    var distinctLayers: [Descriptor] {
        var seen = Set<Digest>()
        return layers.filter { seen.insert($0.digest).inserted }
    }
}
