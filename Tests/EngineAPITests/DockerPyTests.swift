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
    func `pulls, tags, removes, prunes and hears of it`() async throws {
        let fixture = try await EngineFixture.withStoredScene()
        let script = """
            import docker, json, sys
            client = docker.DockerClient(base_url=sys.argv[1])
            def refusal(call):
                try:
                    call()
                except docker.errors.APIError as error:
                    return [error.status_code, error.explanation]
            one = client.images.get("one:1")
            tagged = one.tag("three", tag="1")
            conflict = refusal(lambda: client.images.remove(one.id))
            client.images.remove("three:1")
            pruned = client.images.prune()
            everything = client.images.prune(filters={"dangling": False, "label!": ["keep"]})
            events = [event["Action"] for event in client.events(since=1, until=1767323045, decode=True)]
            print(json.dumps({
                "tagged": tagged, "conflict": conflict[0], "dangling": len(pruned["ImagesDeleted"]) > 0,
                "untagged": [row["Untagged"] for row in everything["ImagesDeleted"] if "Untagged" in row],
                "freed": everything["SpaceReclaimed"] > 0, "events": events,
                "search": refusal(lambda: client.images.search("x"))[0],
                "push": refusal(lambda: client.api.push("one:1"))[0],
                "left": [tag for image in client.images.list() for tag in image.tags],
                "volumes": client.volumes.list(), "networks": client.networks.list(),
                "prunes": [client.containers.prune()["SpaceReclaimed"], client.volumes.prune()["SpaceReclaimed"]],
            }))
            """
        let output = try await serving(fixture.routes) { socket in
            try await runChecked("python3", ["-c", script, "unix://\(socket)"]).stdout
        }
        #expect(
            try JSON(parsing: output.dropLast()) == [
                "tagged": true, "conflict": 409, "dangling": true, "untagged": ["two:1", "two:2"], "freed": true,
                "events": ["tag", "untag", "delete", "prune", "untag", "untag", "delete", "prune"], "search": 501,
                "push": 501, "left": ["one:1"], "volumes": [], "networks": [], "prunes": [0, 0],
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
