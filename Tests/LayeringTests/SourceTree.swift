import Foundation

/// The Swift files of the project, read from disk.
struct SourceFile {
    let room: String
    let name: String
    let lines: [Substring]

    /// Modules named by `import` declarations.
    var imports: [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ").drop { $0.hasPrefix("@") || Self.accessWords.contains(String($0)) }
            guard words.first == "import", let module = words.last else { return nil }
            return String(module.prefix { $0 != "." })
        }
    }

    private static let accessWords: Set<String> = ["public", "package", "internal", "fileprivate", "private"]

    static let root: URL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func all(under folder: String) throws -> [SourceFile] {
        let base = root.appending(path: folder)
        let walk = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
        var files: [SourceFile] = []
        while let url = walk?.nextObject() as? URL {
            guard url.pathExtension == "swift" else { continue }
            let path = url.pathComponents.dropFirst(base.pathComponents.count)
            let text = try String(contentsOf: url, encoding: .utf8)
            files.append(
                SourceFile(
                    room: path.first ?? "", name: url.lastPathComponent,
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
        }
        return files
    }
}
