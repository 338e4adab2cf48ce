import OCI
import TestSupport
import Testing

let digestText = "sha256:" + String(repeating: "a", count: 64)

@Suite struct `A descriptor` {
    @Test func `reads back as it was written, member for member`() throws {
        let descriptor = Descriptor(
            mediaType: .ociManifest, digest: try Digest(parsing: digestText), size: 5,
            platform: Platform(
                os: "linux", architecture: "arm", variant: "v7", osVersion: "1", osFeatures: ["f"]),
            annotations: ["b": "2", "a": "1"], artifactType: "application/x", urls: ["https://example.com/x"],
            data: Array("hello".utf8))
        let text = String(decoding: descriptor.json.serialized(), as: UTF8.self)
        #expect(
            text == """
                {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\(digestText)","size":5,\
                "urls":["https://example.com/x"],"annotations":{"a":"1","b":"2"},"data":"aGVsbG8=",\
                "platform":{"architecture":"arm","os":"linux","os.version":"1","os.features":["f"],"variant":"v7"},\
                "artifactType":"application/x"}
                """)
        #expect(try Descriptor(JSON(parsing: text.utf8), in: "test") == descriptor)
    }

    @Test(arguments: ["0", "9223372036854775807"])
    func `may have any size that 64 bits hold`(size: String) throws {
        #expect(try descriptor(#""mediaType":"a/b","digest":"\#(digestText)","size":\#(size)"#).size == Int64(size))
    }

    @Test(arguments: [
        #""size":1"#, #""mediaType":"a/b","size":1"#, #""mediaType":"a/b","digest":"$","size":-1"#,
        #""mediaType":"a/b","digest":"$","size":"1""#, #""mediaType":"a/b","digest":"$","size":1.0"#,
        #""mediaType":"a/b","digest":"$","size":1e3"#, #""mediaType":"a/b","digest":"$","size":null"#,
        #""mediaType":"a/b","digest":"$""#, #""mediaType":"a/b","digest":"sha256:00","size":1"#,
        #""mediaType":"a/b","digest":7,"size":1"#, #""mediaType":"","digest":"$","size":1"#,
        #""mediaType":"a","digest":"$","size":1"#, #""mediaType":"a/b\r\nX: y","digest":"$","size":1"#,
        #""mediaType":".a/b","digest":"$","size":1"#, #""mediaType":7,"digest":"$","size":1"#,
        #""mediaType":"a/b","digest":"$","size":1,"Digest":"$""#, #""mediaType":"a/b","digest":"$","size":1,"SIZE":2"#,
        #""mediaType":"a/b","digest":"$","size":1,"\u017fize":2"#,
        #""mediaType":"a/b","digest":"$","size":1,"urls":[1]"#,
        #""mediaType":"a/b","digest":"$","size":1,"annotations":{"a":1}"#,
        #""mediaType":"a/b","digest":"$","size":1,"annotations":[]"#,
        #""mediaType":"a/b","digest":"$","size":1,"platform":"linux""#,
        #""mediaType":"a/b","digest":"$","size":1,"platform":{"os":1,"architecture":"amd64"}"#,
        #""mediaType":"a/b","digest":"$","size":1,"platform":{"os":"linux","Architecture":"amd64"}"#,
        #""mediaType":"a/b","digest":"$","size":1,"artifactType":"x""#,
        #""mediaType":"a/b","digest":"$","size":3,"data":"AAA""#,
        #""mediaType":"a/b","digest":"$","size":3,"data":"AAA=""#,
        #""mediaType":"a/b","digest":"$","size":1,"data":"AB==""#,
        #""mediaType":"a/b","digest":"$","size":1,"data":"A===""#,
        #""mediaType":"a/b","digest":"$","size":2,"data":"A=A=""#,
        #""mediaType":"a/b","digest":"$","size":3,"data":"A-_A""#,
    ])
    func `is refused when a member is missing, malformed or ambiguous`(members: String) {
        #expect(throws: OCIError.self) {
            try descriptor(
                members.split(separator: "$", omittingEmptySubsequences: false).joined(separator: digestText))
        }
    }

    @Test func `takes null for absent, as Go does`() throws {
        let nulls = ["urls", "annotations", "platform", "data", "artifactType"].map { #","\#($0)":null"# }.joined()
        let absent = try descriptor(#""mediaType":"a/b","digest":"\#(digestText)","size":1"# + nulls)
        #expect(absent == Descriptor(mediaType: MediaType("a/b"), digest: try Digest(parsing: digestText), size: 1))
    }

    @Test func `has no platform when it names neither system nor architecture`() throws {
        let members = #""mediaType":"a/b","digest":"\#(digestText)","size":1,"platform":{"os":"","architecture":""}"#
        #expect(try descriptor(members).platform == nil)
    }

    @Test func `is summed with others, overflow reported`() throws {
        let one = try descriptor(#""mediaType":"a/b","digest":"\#(digestText)","size":9223372036854775807"#)
        #expect(try Descriptor.totalSize(of: [one], in: "test") == .max)
        #expect(throws: OCIError.self) { try Descriptor.totalSize(of: [one, one], in: "test") }
    }

    @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
    func `carries data of any length`(data: String) throws {
        var descriptor = try descriptor(#""mediaType":"a/b","digest":"\#(digestText)","size":\#(data.utf8.count)"#)
        descriptor.data = Array(data.utf8)
        #expect(try Descriptor(descriptor.json, in: "test") == descriptor)
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `agrees with the specification's schema`() throws {
        // A puller is more lenient than the schema in one point: "urls" may hold any text, for layerd follows none. It
        // is stricter in one: digests of algorithms that it cannot compute are well formed there.
        let lenient = ["image-spec-schema-040"]
        let uncomputable = ["sha256+b64", "sha256+foo-bar", "multihash+base58", "sha256+b64u"]
        for row in try CorpusFiles.cases("image-spec-schema") where row["input"]?["kind"]?.string == "descriptor" {
            let id = try #require(row["id"]?.string)
            let document = try #require(row["input"]?["document"]?.string)
            let isValid = (try? Descriptor(JSON(parsing: document.utf8), in: "descriptor")) != nil
            var expected = row["expected"]?["valid"]?.bool
            if lenient.contains(id) { expected = true }
            if uncomputable.contains(where: { document.contains($0) }) { expected = false }
            #expect(isValid == expected, "\(id)")
        }
    }
}

private func descriptor(_ members: String) throws -> Descriptor {
    try Descriptor(JSON(parsing: "{\(members)}".utf8), in: "test")
}
