import Foundation
import Testing

@Suite struct `The rooms` {
    @Test func `import only what the table lets them`() throws {
        let files = try SourceFile.all(under: "Sources")
        #expect(files.count > 50, "the sources were not found")
        for file in files {
            guard let doors = Rooms.doors[file.room] else {
                Issue.record("\(file.room) is not in the table of rooms")
                continue
            }
            for module in file.imports where !doors.contains(module) {
                Issue.record("\(file.room)/\(file.name) imports \(module), a door that is not in the table")
            }
        }
    }

    @Test func `keep a package that is to be replaceable in one file`() throws {
        for file in try SourceFile.all(under: "Sources") {
            for module in file.imports {
                guard let only = Rooms.singleFile[module] else { continue }
                #expect(file.name == only, "\(file.room)/\(file.name) imports \(module)")
            }
        }
    }

    @Test func `are exactly the folders under Sources that hold Swift`() throws {
        let rooms = Set(try SourceFile.all(under: "Sources").map(\.room))
        #expect(rooms == Set(Rooms.doors.keys))
    }

    @Test func `say why wherever the compiler is told to trust us`() throws {
        let marks = ["@unchecked Sendable", "nonisolated(unsafe)", "Unmanaged", "UnsafeMutableRawPointer"]
        for file in try SourceFile.all(under: "Sources") where file.room != "TestSupport" {
            for (index, line) in file.lines.enumerated() where marks.contains(where: line.contains) {
                let comment = line.trimmingCharacters(in: .whitespaces).hasPrefix("//")
                guard !comment, !line.contains("UnsafeMutableRawPointer") || line.contains("nonisolated(unsafe)") else {
                    continue
                }
                let near = file.lines[max(0, index - 5)...min(file.lines.count - 1, index + 3)]
                #expect(
                    near.contains { $0.contains("INVARIANT") },
                    "\(file.room)/\(file.name):\(index + 1) has no INVARIANT comment near it")
            }
        }
    }
}

@Suite struct `The top of the project` {
    @Test func `holds what the design names and nothing else`() throws {
        let allowed: Set<String> = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "config", "systemd", "README.md",
            "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile",
        ]
        let names = try FileManager.default.contentsOfDirectory(atPath: SourceFile.root.path)
        let strangers = names.filter { !$0.hasPrefix(".") && !allowed.contains($0) }
        #expect(strangers.isEmpty, "\(strangers)")
    }
}
