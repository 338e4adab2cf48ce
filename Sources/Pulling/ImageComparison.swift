public import OCI

/// One image as a chain of steps, lowest first.
public struct ImageChain: Sendable, Equatable {
    /// A step of its history.
    public struct Step: Sendable, Equatable {
        /// The instruction; empty where the config does not say.
        public var instruction: String
        /// `nil` for a step that changed no files.
        public var layer: Descriptor?
        public var diffID: Digest?

        public init(instruction: String, layer: Descriptor? = nil, diffID: Digest? = nil) {
            self.instruction = instruction
            self.layer = layer
            self.diffID = diffID
        }
    }

    /// As it was asked for.
    public var name: String
    /// The manifest's digest.
    public var digest: Digest
    public var platform: Platform
    public var steps: [Step]
    /// Whether it came out of the store, or its documents from the registry.
    public var isHere: Bool

    /// Puts manifest and config together. Layers beyond the history have no instruction.
    public init(name: String, digest: Digest, manifest: Manifest, config: ImageConfig, isHere: Bool) {
        self.name = name
        self.digest = digest
        platform = config.platform
        self.isHere = isHere
        var steps: [Step] = []
        var place = 0
        func layer(_ instruction: String) -> Step {
            defer { place += 1 }
            return Step(
                instruction: instruction, layer: manifest.layers[place],
                diffID: place < config.diffIDs.count ? config.diffIDs[place] : nil)
        }
        for entry in config.history {
            let hasLayer = !entry.emptyLayer && place < manifest.layers.count
            steps.append(hasLayer ? layer(entry.createdBy) : Step(instruction: entry.createdBy))
        }
        while place < manifest.layers.count { steps.append(layer("")) }
        self.steps = steps
    }

    var layers: [Step] { steps.filter { $0.layer != nil } }
    /// Bytes of its distinct layers.
    public var bytes: Int64 {
        var seen = Set<Digest>()
        return layers.compactMap(\.layer).filter { seen.insert($0.digest).inserted }.reduce(0) { $0 + $1.size }
    }
}

/// Where two images part, and what that costs who has the one and fetches the other.
public struct ImageComparison: Sendable, Equatable {
    /// What a layer of the second image is to the first.
    public enum Relation: String, Sendable, Equatable {
        /// Part of the common prefix: same content on the same parents. Shared by everybody.
        case common
        /// The same blob on other parents: not fetched again, but unpacked again.
        case sameBlob
        /// The same files in another blob, compressed anew: fetched again.
        case sameContent
        /// The same instruction, run again with another result.
        case rebuilt
        /// Nothing like it in the first image.
        case new
    }

    /// One layer of the second image.
    public struct Row: Sendable, Equatable {
        /// Counted from 0, the lowest.
        public var position: Int
        public var layer: Descriptor
        public var diffID: Digest?
        public var instruction: String
        public var relation: Relation
        /// In the same place of the first image.
        public var counterpart: Descriptor?
        /// Bytes to fetch for it by who has the first image.
        public var fetched: Int64
        public var why: String
    }

    /// The first steps that differ.
    public struct Difference: Sendable, Equatable {
        /// Place in the history, counted from 0.
        public var step: Int
        /// `nil` where one image has no more steps.
        public var from: String?, to: String?
        /// The instructions are the same, and what they made is not.
        public var isSameInstruction: Bool
    }

    public var from: ImageChain, to: ImageChain
    public var rows: [Row]
    public var commonLayers: Int
    public var commonBytes: Int64
    /// `nil` when the chains are the same.
    public var difference: Difference?
    /// Bytes of the second image that the first does not have, each blob once.
    public var bytesToFetch: Int64
    /// One line that says what other order would have kept more, if any.
    public var advice: String?
}

extension ImageComparison {
    /// Compares two chains. A layer is shared as a whole only with all below it: whoever stacks layers names each by
    /// its chain ID, and a build that misses its cache once misses it from there on.
    public init(from: ImageChain, to: ImageChain) {
        let (old, new) = (from.layers, to.layers)
        var common = 0
        while common < min(old.count, new.count), let diffID = old[common].diffID, diffID == new[common].diffID {
            common += 1
        }
        var fetched = Set<Digest>(old.compactMap { $0.layer?.digest })
        var rows: [Row] = []
        for (place, step) in new.enumerated() {
            guard let layer = step.layer else { continue }
            let relation = Self.relation(of: step, place, common: common, to: old)
            let bytes = fetched.insert(layer.digest).inserted ? layer.size : 0
            rows.append(
                Row(
                    position: place, layer: layer, diffID: step.diffID, instruction: step.instruction,
                    relation: relation, counterpart: place < old.count ? old[place].layer : nil, fetched: bytes,
                    why: Self.why(relation, step, place, common: common, to: old)))
        }
        self.from = from
        self.to = to
        self.rows = rows
        commonLayers = common
        commonBytes = new.prefix(common).compactMap(\.layer).reduce(0) { $0 + $1.size }
        difference = Self.difference(from.steps, to.steps)
        bytesToFetch = rows.reduce(0) { $0 + $1.fetched }
        advice = nil
        advice = difference.flatMap { Self.advice(from, to, $0, rows) }
    }

    private static func relation(
        of step: ImageChain.Step, _ place: Int, common: Int, to old: [ImageChain.Step]
    ) -> Relation {
        if place < common { return .common }
        if old.contains(where: { $0.layer?.digest == step.layer?.digest }) { return .sameBlob }
        if let diffID = step.diffID, old.contains(where: { $0.diffID == diffID }) { return .sameContent }
        let isKnown = !step.instruction.isEmpty && old.contains { $0.instruction == step.instruction }
        return isKnown ? .rebuilt : .new
    }

    private static func why(
        _ relation: Relation, _ step: ImageChain.Step, _ place: Int, common: Int, to old: [ImageChain.Step]
    ) -> String {
        switch relation {
        case .common:
            return place < old.count && old[place].layer?.digest == step.layer?.digest
                ? "shared: the same layer on the same parents"
                : "shared once unpacked: the same files on the same parents, but compressed anew, so fetched again"
        case .sameBlob: return "not fetched again, but unpacked again: its parent chain differs from layer \(common) on"
        case .sameContent:
            return "could be shared: the same files, but compressed anew, and its parent chain differs"
        case .rebuilt:
            return place == common
                ? "the same instruction made other files: its inputs or time stamps changed"
                : "cannot be shared: the parent chain differs from layer \(common) on, so it was built again"
        case .new: return "cannot be shared: there is no such step in the other image"
        }
    }

    private static func difference(_ old: [ImageChain.Step], _ new: [ImageChain.Step]) -> Difference? {
        for place in 0..<max(old.count, new.count) {
            let (one, two) = (place < old.count ? old[place] : nil, place < new.count ? new[place] : nil)
            let isSame = one?.instruction == two?.instruction && (one?.layer == nil) == (two?.layer == nil)
            if isSame, one?.diffID == two?.diffID { continue }
            return Difference(
                step: place, from: one?.instruction, to: two?.instruction,
                isSameInstruction: isSame && one != nil && two != nil)
        }
        return nil
    }

    /// Steps after the first difference that are the same instructions in both images were built again only because
    /// something below them changed. A step that needs nothing of them could have come after them.
    private static func advice(
        _ from: ImageChain, _ to: ImageChain, _ difference: Difference, _ rows: [Row]
    ) -> String? {
        guard let changed = difference.to ?? difference.from, difference.step < from.steps.count else { return nil }
        let known = Set(from.steps.dropFirst(difference.step).map(\.instruction))
        let later = to.steps.dropFirst(difference.step + 1).filter { step in
            step.layer != nil && !step.instruction.isEmpty && known.contains(step.instruction)
                && step.instruction != changed
        }
        let bytes = later.compactMap(\.layer).reduce(0) { sum, layer in
            sum + (rows.first { $0.layer.digest == layer.digest }?.fetched ?? 0)
        }
        guard !later.isEmpty, bytes > 0 else { return nil }
        let count = later.count == 1 ? "the step" : "the \(later.count) steps"
        return "\(shown(changed)) changed before \(count) that did not: moved after \(shown(later.last?.instruction)), "
            + "it would have kept \(bytes) bytes shared"
    }

    private static func shown(_ instruction: String?) -> String {
        var text = instruction ?? ""
        for prefix in ["/bin/sh -c #(nop) ", "/bin/sh -c ", "RUN /bin/sh -c "] where text.hasPrefix(prefix) {
            text = String(text.dropFirst(prefix.count))
            break
        }
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return "\"\(line.count > 60 ? String(line.prefix(59)) + "…" : line)\""
    }
}
