import EngineAPI
import OCI
import Testing
import TestSupport

private func hasDockerPy() async -> Bool {
    do { return try await runProcess("python3", ["-c", "import docker"]).status == 0 } catch { return false }
}

@Suite struct `The Python SDK` {
    private static let script = """
        import docker, json, sys
        client = docker.DockerClient(base_url=sys.argv[1])
        images = client.images.list()
        worker = client.images.get("worker:1.4")
        try:
            client.images.get("nope")
            missing = None
        except docker.errors.ImageNotFound as error:
            missing = error.explanation
        print(json.dumps({
            "tags": sorted(tag for image in images for tag in image.tags),
            "filtered": len(client.images.list(name="w*", filters={"label": ["tier=backend"]})),
            "labels": worker.labels, "short": worker.short_id, "history": len(worker.history()),
            "df": client.df()["LayersSize"], "ping": client.ping(), "missing": missing,
            "containers": client.containers.list(all=True), "version": client.version()["ApiVersion"],
            "images": client.info()["Images"],
        }))
        """

    @Test(.enabled("docker-py is not installed for python3") { await hasDockerPy() })
    func `lists, inspects and adds up`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let output = try await serving(fixture.routes) { socket in
            try await runChecked("python3", ["-c", Self.script, "unix://\(socket)"]).stdout
        }
        let answer = try JSON(parsing: output.dropLast())
        #expect(
            answer == [
                "tags": ["registry.example.com:5000/team/proxy:1.27", "webapp:2.0", "worker:1.4", "worker:latest"],
                "filtered": 1, "labels": ["a": "<b>", "tier": "backend"], "short": "sha256:222222222222", "history": 4,
                "df": 145_824_701, "ping": true, "missing": "No such image: nope:latest", "containers": [],
                "version": "1.50", "images": 3,
            ])
    }

    @Test(.enabled("docker-py is not installed for python3") { await hasDockerPy() })
    func `hears of a refused pull as an error`() async throws {
        let refusal = TestFault(
            kind: .unauthenticated, description: "pull access denied for worker, repository does not exist")
        let fixture = try await EngineFixture(puller: ScriptedPuller(.init(refusal: refusal)))
        let script = """
            import docker, sys
            try:
                docker.DockerClient(base_url=sys.argv[1]).images.pull("worker", tag="1.4")
            except docker.errors.ImageNotFound as error:
                print("not found:", error.explanation)
            """
        let output = try await serving(fixture.routes) { socket in
            try await runChecked("python3", ["-c", script, "unix://\(socket)"]).output
        }
        #expect(output == "not found: \(refusal.description)\n")
    }
}
