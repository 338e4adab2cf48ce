import OCI
import Pulling
import Testing
import TestSupport

@testable import EngineAPI

@Suite(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
struct `Recorded requests of real clients` {
    /// 501 and 503 where they are meant, and otherwise nothing that a client could not have asked for.
    @Test func `are all answered, with JSON or frames`() async throws {
        let fixture = try await EngineFixture.withFamily(puller: ScriptedPuller(.init(tags: ["1"])))
        // Or those who watch events would do so for ever.
        fixture.events.close()
        var seen = Set<String>()
        for record in try CorpusFiles.lines("reference/engine-api/captured.jsonl") {
            guard let method = record["method"]?.string, let target = record["target"]?.string,
                seen.insert("\(method) \(target)").inserted
            else { continue }
            let answer = try await fixture.ask(method, target, headers: headers(record))
            let isMeant = [200, 201, 400, 404, 409, 501].contains(answer.status) || answer.status == 503
            #expect(isMeant, "\(method) \(target): \(answer.status) \(answer.text)")
            #expect(answer.failure == nil)
            if target.hasSuffix("/_ping") {
                #expect(answer.status == 200)
            } else if target.contains("/events"), answer.status == 200 {
                for line in answer.text.split(separator: "\n") {
                    #expect(try JSON(parsing: Array(line.utf8))["Type"] == "image")
                }
            } else if answer.status == 201 {
                #expect(answer.body.isEmpty)
            } else if target.contains("/images/create"), answer.status == 200 {
                #expect(try answer.frames.allSatisfy { $0.members != nil })
            } else {
                #expect(throws: Never.self, "\(method) \(target): \(answer.text)") { try answer.json }
            }
        }
        #expect(seen.count > 80)
    }

    private func headers(_ record: JSON) -> [(String, String)] {
        (record["headers"]?.array ?? []).compactMap { pair in
            guard let name = pair.array?.first?.string, let value = pair.array?.last?.string else { return nil }
            return (name, value)
        }
    }

    @Test func `match references as the daemon did`() throws {
        let vectors = try CorpusFiles.lines("reference/engine-api/vectors/reference_filter.jsonl")
        #expect(vectors.count > 100)
        for vector in vectors {
            let pattern = try #require(vector["pattern"]?.string)
            let reference = try Reference(parsing: try #require(vector["ref"]?.string))
            let filters = Filters([("reference", [pattern])])
            if vector["err"] != "" {
                #expect(throws: EngineError.badPattern(pattern)) { try ImageFilter(filters, now: testNow) }
                continue
            }
            var row = ImageRow(target: TestImage.layer(1, 1))
            if reference.digest == nil { row.tags = [reference] } else { row.digests = [reference] }
            let passes = try ImageFilter(filters, now: testNow).apply(to: row) != nil
            #expect(passes == vector["match"]?.bool, "\(pattern) and \(reference.familiar)")
        }
    }

    @Test func `name moments as the daemon did`() throws {
        for vector in try CorpusFiles.lines("reference/engine-api/vectors/timestamps.jsonl") {
            let text = try #require(vector["in"]?.string)
            let now = try Timestamp(parsing: try #require(vector["ref"]?.string))
            guard vector["err"] == "" else {
                #expect(throws: EngineError.invalidTime(text)) { try filterTime(text, now: now) }
                continue
            }
            let expected = try filterTime(try #require(vector["out"]?.string), now: now)
            #expect(try filterTime(text, now: now) == expected, "\(text)")
        }
    }
}
