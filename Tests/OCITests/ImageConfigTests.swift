import OCI
import Testing

private let rootfs = #""rootfs":{"type":"layers","diff_ids":["\#(digestText)"]}"#

@Suite struct `An image config` {
    @Test func `says what the image runs on and how it came about`() throws {
        let config = try config(
            """
            "architecture":"arm","os":"linux","variant":"v7","os.version":"1","os.features":["f"],\
            "created":"2026-01-02T03:04:05.6Z","author":"me",\(rootfs),\
            "config":{"Labels":{"b":"1","a":"2"},"Env":["A=B"]},\
            "history":[{"created":"2026-01-01T00:00:00Z","created_by":"ADD","author":"x","comment":"c"},\
            {"empty_layer":true}]
            """)
        #expect(config.platform.description == "linux(1+f)/arm/v7")
        #expect(config.created?.description == "2026-01-02T03:04:05.6Z")
        #expect(config.author == "me")
        #expect(config.diffIDs.map(\.description) == [digestText])
        #expect(config.labels.map(\.key) == ["b", "a"])
        #expect(config.labels.map(\.value) == ["1", "2"])
        #expect(config.config?["Env"] == ["A=B"])
        #expect(config.raw["author"] == "me")
        #expect(config.history.map(\.createdBy) == ["ADD", ""])
        #expect(config.history.map(\.emptyLayer) == [false, true])
        #expect(config.history.first?.comment == "c")
        #expect(config.history.first?.created?.seconds == 1_767_225_600)
    }

    @Test(arguments: [
        "", #""rootfs":null"#, #""rootfs":{"diff_ids":null},"config":null,"created":null,"history":null"#,
    ])
    func `may leave out everything, and is for the host then`(members: String) throws {
        let config = try config(members)
        #expect(config.platform == .host)
        #expect(config.created == nil)
        #expect(config.diffIDs.isEmpty && config.history.isEmpty && config.labels.isEmpty)
        #expect(config.config == nil)
    }

    static let malformed: [String] = [
        #""rootfs":[]"#, #""rootfs":{"diff_ids":"x"}"#, #""rootfs":{"diff_ids":["sha256:00"]}"#,
        #""rootfs":{"diff_ids":[1]}"#, rootfs + #","os":1"#, rootfs + #","architecture":[]"#,
        rootfs + #","created":"x""#,
        rootfs + #","created":1"#, rootfs + #","config":[]"#, rootfs + #","config":{"Labels":[]}"#,
        rootfs + #","config":{"Labels":{"a":1}}"#, rootfs + #","history":{}"#, rootfs + #","history":[1]"#,
        rootfs + #","history":[{"created":"x"}]"#, rootfs + #","Config":{}"#, rootfs + #","RootFS":{}"#,
        rootfs + #","config":{"labels":{}}"#, #""rootfs":{"Diff_IDs":[]}"#,
        rootfs + #","history":[{"Created_By":"x"}]"#,
        rootfs + #","history":[{"empty_layer":1}]"#,
    ]

    @Test(arguments: malformed)
    func `is refused when a member is malformed or ambiguous`(members: String) {
        #expect(throws: OCIError.self) { try config(members) }
    }

    @Test func `may hold the members of docker that the specification does not name`() throws {
        let members =
            #","container_config":{"Hostname":"x"},"docker_version":"20.10","Size":5,"config":{"Hostname":""}"#
        #expect(try config(rootfs + members).raw["docker_version"] == "20.10")
    }
}

private func config(_ members: String) throws -> ImageConfig {
    try ImageConfig(parsing: Array("{\(members)}".utf8))
}
