import Catalogue
import OCI
import Testing

@Suite struct `Resolving` {
    /// `a:1`, `a:latest` and `beef:latest` are images of their own; IDs begin with `abcd1`, `abcd2` and `beef`.
    private func catalogue() async throws -> Catalogue {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(digest("abcd1")), named: references("a:1"))
        try await catalogue.record(image(digest("abcd2")), named: references("a", "beef"))
        try await catalogue.record(image(digest("beef")), named: references("ghcr.io/o/r:1"))
        return catalogue
    }

    @Test(arguments: [
        ("a:1", "abcd1"), ("a", "abcd2"), ("docker.io/library/a:1", "abcd1"), ("a:latest", "abcd2"),
        ("abcd1", "abcd1"), ("sha256:abcd2", "abcd2"), ("ghcr.io/o/r:1", "beef"), ("beef0", "beef"),
    ])
    func `finds names, and IDs by their first digits`(text: String, id: String) async throws {
        #expect(try await catalogue().resolve(text).id == digest(id))
    }

    @Test(arguments: ["", "sha256:"])
    func `finds a whole ID with and without its algorithm`(algorithm: String) async throws {
        let id = try digest("beef")
        #expect(try await catalogue().resolve(algorithm + id.hex).id == id)
    }

    @Test func `finds a digest in repositories that have the image, and in no other`() async throws {
        let (catalogue, id) = (try await catalogue(), try digest("abcd1"))
        #expect(try await catalogue.resolve("a@\(id)").id == id)
        #expect(try await catalogue.resolve("a:whatever@\(id)").id == id)
        await #expect(throws: CatalogueError.noSuchImage("b@\(id)")) { try await catalogue.resolve("b@\(id)") }
    }

    @Test func `prefers a name to the first digits of an ID`() async throws {
        #expect(try await catalogue().resolve("beef").id == digest("abcd2"))
    }

    @Test func `takes a whole ID for nothing else`() async throws {
        let id = digest(99)
        await #expect(throws: CatalogueError.noSuchImage(id.description)) { try await catalogue().resolve(id.hex) }
    }

    @Test(arguments: [
        ("nope", "No such image: nope:latest"), ("docker.io/library/nope:3", "No such image: nope:3"),
        ("529dc310494e", "No such image: 529dc310494e:latest"), ("abc", "No such image: abc:latest"),
        ("ghcr.io/o/r", "No such image: ghcr.io/o/r:latest"),
    ])
    func `says in docker's words what it did not find`(text: String, message: String) async throws {
        let catalogue = try await catalogue()
        let error = await #expect(throws: CatalogueError.self) { try await catalogue.resolve(text) }
        #expect(error?.description == message)
        #expect(error?.kind == .notFound)
    }

    @Test(arguments: ["abcd", "sha256:abcd"])
    func `refuses first digits that several IDs have`(text: String) async throws {
        let catalogue = try await catalogue()
        let error = await #expect(throws: CatalogueError.ambiguous("abcd")) { try await catalogue.resolve(text) }
        #expect(error?.description.hasPrefix("ambiguous reference") == true)
        #expect(error?.kind == .notFound)
    }

    @Test(arguments: ["", "A", "a:", "a@sha256:12", "a b", "%"])
    func `refuses what is no reference`(text: String) async throws {
        let catalogue = try await catalogue()
        let error = await #expect(throws: OCIError.self) { try await catalogue.resolve(text) }
        #expect(error?.description.hasPrefix("invalid reference format") == true)
    }
}
