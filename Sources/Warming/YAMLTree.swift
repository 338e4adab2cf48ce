internal import Yams

/// YAML as a tree of texts: all that image names need. The only file that knows the YAML library.
indirect enum YAMLTree: Sendable {
    case text(String)
    case list([YAMLTree])
    case map([(key: String, value: YAMLTree)])

    /// Nodes of one file, aliases counted as often as they occur: a page of YAML can stand for billions.
    private static let maximumNodes = 200_000
    private static let maximumDepth = 64

    /// Every document of the text.
    /// - Throws: ``WarmError/unreadable(file:reason:)``.
    static func documents(of text: String, file: String) throws(WarmError) -> [YAMLTree] {
        var budget = maximumNodes
        var documents: [YAMLTree] = []
        do {
            // Stepped through by hand: a loop would step through a copy, and the error would stay in that.
            var nodes = try Yams.compose_all(yaml: text)
            while let node = nodes.next() {
                guard let tree = build(node, depth: 0, &budget) else {
                    throw WarmError.unreadable(file: file, reason: "it has too many nodes, or is nested too deep")
                }
                documents.append(tree)
            }
            // The sequence ends where it cannot go on, and keeps the reason.
            if let error = nodes.error { throw error }
        } catch let error as WarmError {
            throw error
        } catch {
            throw .unreadable(file: file, reason: "\(error)")
        }
        return documents
    }

    private static func build(_ node: Node, depth: Int, _ budget: inout Int) -> YAMLTree? {
        budget -= 1
        guard budget > 0, depth < maximumDepth else { return nil }
        switch node {
        case .scalar(let scalar): return .text(scalar.string)
        case .alias: return .text("")
        case .sequence(let sequence):
            var items: [YAMLTree] = []
            for item in sequence {
                guard let tree = build(item, depth: depth + 1, &budget) else { return nil }
                items.append(tree)
            }
            return .list(items)
        case .mapping(let mapping):
            var members: [(key: String, value: YAMLTree)] = []
            for (key, value) in mapping {
                guard let tree = build(value, depth: depth + 1, &budget) else { return nil }
                members.append((key.string ?? "", tree))
            }
            return .map(members)
        }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var items: [YAMLTree] { if case .list(let items) = self { items } else { [] } }

    /// A map's members, those of its merge keys (`<<`) behind its own.
    var members: [(key: String, value: YAMLTree)] {
        guard case .map(let members) = self else { return [] }
        let merged = members.filter { $0.key == "<<" }.flatMap { member in
            member.value.items.isEmpty ? member.value.members : member.value.items.flatMap(\.members)
        }
        return members.filter { $0.key != "<<" } + merged
    }

    subscript(key: String) -> YAMLTree? { members.first { $0.key == key }?.value }
}
