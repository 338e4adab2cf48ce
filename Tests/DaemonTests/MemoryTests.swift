import Foundation
import Testing

@testable import Daemon

@Suite(.serialized) struct `Memory that is given back` {
    /// Kilobytes of files that are mapped and resident.
    private func mapped() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
        return try #require(line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first)
    }

    @Test func `takes code with it that was used once, and what is used again comes back`() throws {
        let before = try mapped()
        MemoryService.giveBack()
        let after = try mapped()
        #expect(after < before * 3 / 4, "\(before) kB before, \(after) kB after")
        // Code and constants alike: a locale's names come from tables that nothing has touched since.
        #expect(try JSONDecoder().decode([String].self, from: Data(#"["a"]"#.utf8)) == ["a"])
    }
}
