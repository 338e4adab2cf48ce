import EngineAPI
import OCI
import Testing
import TestSupport

@Suite(.enabled(if: DockerCommand.isPresent, Comment(rawValue: DockerCommand.absence)))
struct `The installed docker command` {
    private func docker(_ arguments: [String]) async throws -> ProcessResult {
        let fixture = try await EngineFixture.withFamily()
        return try await serving(fixture.routes) { socket in try await DockerCommand(socket: socket)(arguments) }
    }

    @Test func `lists images`() async throws {
        let result = try await docker(["image", "ls", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}"])
        #expect(
            result.output == """
                webapp:2.0 111111111111 124MB
                worker:1.4 222222222222 132MB
                worker:latest 222222222222 132MB
                registry.example.com:5000/team/proxy:1.27 333333333333 84.7MB

                """)
    }

    @Test func `adds up what they use`() async throws {
        #expect(
            try await docker(["system", "df"]).output == """
                TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
                Images          3         0         145.8MB   145.8MB (100%)
                Containers      0         0         0B        0B
                Local Volumes   0         0         0B        0B
                Build Cache     0         0         0B        0B

                """)
    }

    @Test func `shows the steps of an image`() async throws {
        let format = "{{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}}"
        let result = try await docker(["history", "--format", format, "worker"])
        #expect(
            result.output == """
                222222222222 COPY app 12MB last
                <missing> RUN one && two 45.7MB\u{20}
                <missing> ENV A=b 0B\u{20}
                <missing> base 74.8MB first

                """)
    }

    @Test func `prints versions and facts`() async throws {
        let version = try await docker(["version"])
        #expect(version.status == 0)
        #expect(version.output.contains("Server: layerd\n Engine:\n  Version:          28.2.2+layerd\n"))
        #expect(version.output.contains("  API version:      1.50 (minimum version 1.24)\n"))
        #expect(version.output.contains(" layerd:\n  Version:          0.1.0\n"))
        let info = try await docker(["info"])
        #expect(info.status == 0)
        #expect(info.errors == "")
        for line in [
            " Images: 3", " Server Version: 28.2.2+layerd", " Storage Driver: layerd", "  layerd Version: 0.1.0",
            " Swarm: inactive", " Total Memory: 23.44GiB", " Docker Root Dir: /var/lib/layerd",
        ] {
            #expect(info.output.contains(line + "\n"), "\(info.output)")
        }
    }

    @Test(arguments: [
        (["ps"], "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n"),
        (["volume", "ls"], "DRIVER    VOLUME NAME\n"), (["network", "ls"], "NETWORK ID   NAME      DRIVER    SCOPE\n"),
        (["container", "prune", "-f"], "Total reclaimed space: 0B\n"),
    ])
    func `finds nothing of other kinds`(arguments: [String], expected: String) async throws {
        let result = try await docker(arguments)
        #expect(result.status == 0)
        #expect(result.output == expected)
    }

    @Test(
        arguments: [
            (["create", "worker"], 1), (["run", "worker"], 125), (["volume", "create", "x"], 1),
            (["rm", "-f", "x"], 1),
        ] as [([String], Int32)])
    func `is told who runs things`(arguments: [String], status: Int32) async throws {
        let result = try await docker(arguments)
        #expect(result.status == status)
        #expect(result.errors.contains("not supported by layerd"))
    }

    @Test func `finds images when asked for anything of a name`() async throws {
        let result = try await docker(["inspect", "-f", "{{.Id}}", "worker"])
        #expect(result.output == "\(TestImage.digest(0x22))\n")
        let nothing = try await docker(["inspect", "nope"])
        #expect(nothing.status == 1)
        #expect(nothing.errors == "Error: No such object: nope\n")
    }

    @Test(.enabled("the docker command before 28 shows no trees") { await DockerCommand.showsTrees() })
    func `shows platforms as a tree`() async throws {
        let fixture = try await EngineFixture()
        try await fixture.add(.multiPlatform)
        let output = try await serving(fixture.routes) { socket in
            try await DockerCommand(socket: socket).output(["image", "ls", "--tree"])
        }
        #expect(output.contains("linux/amd64"))
        #expect(output.contains("linux/arm64/v8"))
        #expect(output.contains("3.07kB"))
    }
}
