internal import Glibc
internal import Keyring
internal import OCI

/// The files that were changed for one engine, and what they held before: `/etc/layerd/wired/ENGINE.json`.
struct WiredFiles {
    /// The settings of an engine are pages of text.
    private static let maximumSize = 4 << 20

    let engine: Engine
    /// What all paths are below; empty for this machine itself.
    let root: String

    struct Change {
        let path: String
        let before: [UInt8]?
        let after: [UInt8]

        var isNeeded: Bool { before.map { $0 != after } ?? true }
    }

    private var journal: String { "\(root)/etc/layerd/wired/\(engine.rawValue).json" }

    /// What the edits come to on this machine. Nothing is changed.
    func changes(_ edits: [FileEdit]) throws -> [Change] {
        try edits.map { edit in
            let before = try read(root + edit.path)
            let text = try before.map { bytes in
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw Failure.local("\(root)\(edit.path) is no text")
                }
                return text
            }
            do {
                return Change(path: edit.path, before: before, after: Array(try edit.edit(text).utf8))
            } catch let failure as Failure {
                throw Failure.local("\(root)\(edit.path) stays as it is: \(failure)")
            } catch let error as OCIError {
                throw Failure.local("\(root)\(edit.path) stays as it is: \(error)")
            }
        }
    }

    /// Makes the changes. What the files held before any of ours is written down first, and kept until ``undo()``.
    /// - Returns: paths changed.
    func apply(_ changes: [Change]) throws -> [String] {
        let needed = changes.filter(\.isNeeded)
        guard !needed.isEmpty else { return [] }
        var records = try recorded()
        for change in needed {
            let old = records.firstIndex { $0["path"]?.string == change.path }
            let before = old.map { records[$0]["before"] ?? .null } ?? change.before.map { .string(Base64.encode($0)) }
            let record: JSON = [
                "path": .string(change.path), "before": before ?? .null, "after": .string(Base64.encode(change.after)),
            ]
            if let old { records[old] = record } else { records.append(record) }
        }
        try write(JSON.array(records).serialized(pretty: 2), to: journal)
        for change in needed { try write(change.after, to: root + change.path) }
        return needed.map(\.path)
    }

    /// Gives every file the bytes it had, and takes away those that were not there. A file that somebody has changed
    /// since stops it before anything is done.
    /// - Returns: paths restored.
    func undo() throws -> [String] {
        let records = try recorded()
        let files = try records.map { record in
            guard let path = record["path"]?.string, let after = record["after"]?.string.flatMap(Base64.decode) else {
                throw Failure.local("\(journal) is damaged")
            }
            return (path: path, before: record["before"]?.string.flatMap(Base64.decode), after: after)
        }
        for file in files {
            let now = try read(root + file.path)
            guard now == file.after || now == file.before else {
                throw Failure.local(
                    "\(root)\(file.path) was changed after layerctl: take layerd's lines out by hand, and remove "
                        + journal
                )
            }
        }
        for file in files {
            if let before = file.before { try write(before, to: root + file.path) } else { unlink(root + file.path) }
        }
        unlink(journal)
        return files.map(\.path)
    }

    private func recorded() throws -> [JSON] {
        guard let bytes = try read(journal) else { return [] }
        do { return try JSON(parsing: bytes).array ?? [] } catch {
            throw Failure.local("\(journal) is damaged: \(error)")
        }
    }

    private func read(_ path: String) throws -> [UInt8]? {
        do { return try SecretFile(path, privacy: .unchecked).read(limit: Self.maximumSize) } catch {
            guard case .file(_, "is empty") = error else { throw Failure.local("\(error)") }
            return []
        }
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o755)
        }
        do { try FileReplacement(path).write(bytes, mode: 0o644) } catch { throw Failure.local("\(error)") }
    }
}
