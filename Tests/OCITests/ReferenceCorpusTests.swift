import TestSupport
import Testing

@testable import OCI

@Suite(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
struct `References agree with the corpus in` {
    @Test func `the grammar`() throws {
        for row in try CorpusFiles.cases("reference-parse") {
            let text = try #require(row["input"]?.string)
            // Refused there only because that library's own tests do not link SHA-512; docker and layerd have it.
            guard !text.hasPrefix("validname@sha512:") else { continue }
            try check(try? ReferenceGrammar.parse(text, of: text), against: row)
        }
        for row in try CorpusFiles.cases("reference-canonical") {
            let text = try #require(row["input"]?.string)
            let isCanonical = (try? Reference(parsing: text).description) == text
            #expect(isCanonical == row["expected"]?["valid"]?.bool, "\(text)")
        }
    }

    @Test func `the patterns of components`() throws {
        for row in try CorpusFiles.cases("reference-regexp") {
            let text = try #require(row["input"]?["text"]?.string)
            let matches: Bool
            switch row["input"]?["kind"]?.string {
            case "domain": matches = ReferenceGrammar.isDomain(Array(text.utf8)[...])
            case "identifier": matches = ReferenceGrammar.isIdentifier(text)
            case "name":
                let name = ReferenceGrammar.name(Array(text.utf8)[...])
                matches = name != nil
                if let expected = row["expected"]?["subs"]?.array {
                    #expect(name.map { [.string($0.domain ?? ""), .string($0.path)] } == expected, "\(text)")
                }
            case "reference":
                let parts = try? ReferenceGrammar.parse(text, of: text)
                matches = parts != nil
                if let expected = row["expected"]?["subs"]?.array, let parts {
                    let name = (parts.domain.map { $0 + "/" } ?? "") + parts.path
                    let found = [name, parts.tag ?? "", parts.digest?.description ?? ""]
                    #expect(found == expected.compactMap(\.string), "\(text)")
                }
            default: matches = false
            }
            #expect(matches == row["expected"]?["match"]?.bool, "\(text)")
        }
    }

    @Test func `the split of names`() throws {
        for row in try CorpusFiles.cases("reference-split") {
            let text = try #require(row["input"]?.string)
            let name = try #require(ReferenceGrammar.name(Array(text.utf8)[...]), "\(text)")
            #expect(name.domain ?? "" == row["expected"]?["domain"]?.string, "\(text)")
            #expect(name.path == row["expected"]?["path"]?.string, "\(text)")
        }
        for row in try CorpusFiles.cases("reference-docker-domain-path") {
            let repository = try Repository(parsing: try #require(row["input"]?.string))
            #expect(repository.domain == row["expected"]?["domain"]?.string)
            #expect(repository.path == row["expected"]?["path"]?.string)
        }
    }

    @Test func `what is valid and what is not`() throws {
        for row in try CorpusFiles.cases("reference-normalize") {
            let text = try #require(row["input"]?.string)
            let isValid = (try? Reference(parsing: text)) != nil
            #expect(isValid == row["expected"]?["valid"]?.bool, "\(text)")
        }
    }

    @Test func `the canonical form`() throws {
        for row in try CorpusFiles.cases("reference-any") {
            let text = try #require(row["input"]?.string)
            // An image ID is no reference: the catalogue looks it up before it parses a name.
            guard !ReferenceGrammar.isIdentifier(text), !text.hasPrefix("sha256:") else { continue }
            #expect(try Reference(parsing: text).description == row["expected"]?.string, "\(text)")
        }
        for row in try CorpusFiles.cases("reference-canonical-docker") {
            let text = try #require(row["input"]?.string)
            #expect(try Reference(parsing: text).forPull.description == row["expected"]?.string, "\(text)")
        }
    }

    @Test func `names joined with tags`() throws {
        for row in try CorpusFiles.cases("reference-join") {
            // The digests of this table have 37 digits, which no algorithm gives.
            guard let name = row["input"]?["name"]?.string, row["input"]?["digest"] == nil else { continue }
            let reference = Reference(try Repository(parsing: name), tag: row["input"]?["tag"]?.string, digest: nil)
            #expect(reference.description == row["expected"]?.string)
        }
    }

    @Test func `the names of one repository`() throws {
        for row in try CorpusFiles.cases("reference-repository-info") {
            let expected = try #require(row["expected"])
            let names = [row["input"]?["familiar"], row["input"]?["ambiguous"], expected["full"]]
            for name in names.compactMap({ $0?.string }) where !name.isEmpty {
                let repository = try Repository(parsing: name)
                #expect(repository.domain == expected["domain"]?.string, "\(name)")
                #expect(repository.path == expected["path"]?.string, "\(name)")
                #expect(repository.description == expected["full"]?.string, "\(name)")
                #expect(repository.familiar == expected["familiar"]?.string, "\(name)")
            }
        }
    }

    @Test func `an independent implementation, but for one alias`() throws {
        for row in try CorpusFiles.cases("reference-second-opinion") {
            let text = try #require(row["input"]?.string)
            // registry-1.docker.io is the host that serves Docker Hub; to docker it is a registry of that name.
            guard !text.hasPrefix("registry-1.docker.io/") else { continue }
            let reference = try? Reference(parsing: text).withDefaultTag
            guard row["expected"]?["valid"]?.bool == true else {
                #expect(reference == nil, "\(text)")
                continue
            }
            #expect(reference?.repository.domain == row["expected"]?["registry"]?.string, "\(text)")
            #expect(reference?.repository.path == row["expected"]?["repository"]?.string, "\(text)")
            #expect(reference?.tag == row["expected"]?["tag"]?.string, "\(text)")
            #expect(reference?.digest?.description == row["expected"]?["digest"]?.string, "\(text)")
        }
    }

    @Test func `docker's own readings`() throws {
        for row in try CorpusFiles.lines("reference/engine-api/vectors/reference_parse.jsonl") {
            let text = try #require(row["in"]?.string)
            guard let full = row["full"]?.string else {
                #expect(throws: OCIError.self, "\(text)") { try Reference(parsing: text) }
                continue
            }
            let reference = try Reference(parsing: text)
            #expect(reference.description == full)
            #expect(reference.familiar == row["familiar"]?.string)
            #expect(reference.repository.domain == row["domain"]?.string)
            #expect(reference.repository.path == row["path"]?.string)
            #expect(reference.withDefaultTag.description == row["withDefaultTag"]?.string)
        }
    }

    private func check(_ parts: ReferenceGrammar.Parts?, against row: JSON) throws {
        let expected = try #require(row["expected"])
        let id = row["id"]?.string ?? ""
        guard expected["valid"]?.bool == true else {
            #expect(parts == nil, "\(id)")
            return
        }
        let found = try #require(parts, "\(id)")
        #expect((found.domain.map { $0 + "/" } ?? "") + found.path == expected["repository"]?.string, "\(id)")
        #expect(found.domain == expected["domain"]?.string, "\(id)")
        #expect(found.tag == expected["tag"]?.string, "\(id)")
        #expect(found.digest?.description == expected["digest"]?.string, "\(id)")
    }
}
