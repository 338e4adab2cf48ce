import OCI
import Testing

@testable import Warming

@Suite struct `A file that names images` {
    @Test(arguments: Golden.all) func `is understood as it is meant`(file: Golden) {
        let found = WarmFile.wishes(in: file.text, named: file.name)
        #expect(found.wishes.map { $0.image + ($0.platform.map { " \($0)" } ?? "") } == file.images)
        #expect(found.problems.count == file.problems.count, "\(found.problems)")
        for (problem, expected) in zip(found.problems, file.problems) {
            #expect(problem.hasPrefix(expected), "\(problem)")
        }
    }

    @Test func `comes in at least forty shapes here`() {
        #expect(Golden.all.count >= 40)
        #expect(Set(Golden.all.map(\.name)).count == Golden.all.count)
    }

    @Test func `that stands for a billion nodes is refused`() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...9 {
            let list = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            text += "a\(level): &a\(level) [\(list)]\n"
        }
        let found = WarmFile.wishes(in: text, named: "bomb.yaml")
        #expect(found.wishes.isEmpty)
        #expect(found.problems.first?.contains("too many nodes") == true, "\(found.problems)")
    }
}

@Suite struct `A range of tags` {
    private let tags = [
        "latest", "7", "7.2", "7.2.5", "7.4.0", "7.4", "7.10.1", "7.10.1-alpine", "7.10.2-rc1", "8.0.0", "6.2.14",
        "7.4-alpine", "v7.11.0", "sha-1234", "2024.1",
    ]

    @Test(
        arguments: [
            ("7.*", "v7.11.0"), ("7.4.*", "7.4.0"), ("^7.2", "v7.11.0"), ("~7.2.1", "7.2.5"),
            ("7.*-alpine", "7.10.1-alpine"), (">=6,<7", "6.2.14"), ("<=7.4", "7.4.0"), ("=8.0.0", "8.0.0"),
            ("9.*", nil),
            ("*", "2024.1"),
        ] as [(String, String?)])
    func `means the latest tag that fits`(text: String, expected: String?) throws {
        guard case .range(_, let range) = try WarmName("redis:" + text).meaning else {
            Issue.record("\(text) is no range")
            return
        }
        #expect(range.best(of: tags) == expected)
    }

    @Test(arguments: ["redis:7.*.*", "redis:**", "redis:^", "redis:~x", "redis:*7", "redis:>=,<2"])
    func `that says nothing is refused`(text: String) {
        #expect(throws: WarmError.invalidRange(text)) { try WarmName(text) }
    }

    @Test func `is not seen where there is none`() throws {
        for text in ["redis:7.4", "localhost:5000/x", "a@sha256:" + String(repeating: "c", count: 64)] {
            guard case .reference = try WarmName(text).meaning else {
                Issue.record("\(text)")
                return
            }
        }
    }
}
