internal import OCI
internal import Serving

/// What a method and a path mean, whatever the API version.
enum Endpoint: Sendable, Equatable {
    /// `withBody` is false for HEAD.
    case ping(withBody: Bool)
    case version
    case info
    case diskUsage
    case imageList
    case imageInspect
    case imageHistory
    case imageCreate
    case imageTag
    case imageDelete
    /// Removing an image without saying which.
    case imageDeleteNothing
    case imagePrune
    case events
    /// `named` when the path names the one image, else the query names them.
    case imageSave(named: Bool)
    case imageLoad
    case auth
    case distribution
    /// 200 and the same for everyone: layerd has none of these things.
    case nothing(JSON)
    /// 404: the thing named is of a kind that layerd has none of.
    case absent(Absence)
    /// 503, as an engine that is in no swarm.
    case noSwarm
    /// 501: the machine's engine does this, not layerd.
    case elsewhere(String)

    /// Kinds of things that are looked for by name.
    enum Absence: Sendable {
        case container, network, volume, plugin

        /// In dockerd's words: clients go by them.
        func message(_ name: String) -> String {
            switch self {
            case .container: "No such container: \(name)"
            case .network: "network \(name) not found"
            case .volume: "get \(name): no such volume"
            case .plugin: "plugin \"\(name)\" not found"
            }
        }
    }

    /// - Parameter path: undecoded, without version.
    /// - Returns: `nil` for what belongs to nobody; a wrong method counts as that too, there is no 405 here.
    static func find(method: String, path: String) -> RouteTable<Endpoint>.Match? {
        if case .found(let match) = table.match(method: method, path: path) { match } else { nil }
    }

    private static let table = RouteTable<Endpoint>(ours + containers + otherKinds + swarm)

    private typealias Entry = (method: String, pattern: String, route: Endpoint)

    private static let ours: [Entry] = [
        ("HEAD", "/_ping", .ping(withBody: false)),
        ("GET", "/_ping", .ping(withBody: true)),
        ("GET", "/version", .version),
        ("GET", "/info", .info),
        ("GET", "/system/df", .diskUsage),
        ("GET", "/images/json", .imageList),
        ("POST", "/images/create", .imageCreate),
        ("GET", "/images/{name:.*}/json", .imageInspect),
        ("GET", "/images/{name:.*}/history", .imageHistory),
        ("POST", "/images/{name:.*}/tag", .imageTag),
        ("DELETE", "/images/{name:.*}", .imageDelete),
        ("DELETE", "/images/", .imageDeleteNothing),
        ("POST", "/images/prune", .imagePrune),
        ("GET", "/events", .events),
        ("GET", "/images/get", .imageSave(named: false)),
        ("GET", "/images/{name:.*}/get", .imageSave(named: true)),
        ("POST", "/images/load", .imageLoad),
        ("POST", "/auth", .auth),
        ("GET", "/distribution/{name:.*}/json", .distribution),
    ]

    /// What makes, runs, shows or removes a container is the business of the engine that has some; looking for one
    /// finds none, so that `docker inspect` goes on to the images.
    private static let containers: [Entry] =
        [
            ("GET", "/containers/json", .nothing([])),
            ("POST", "/containers/prune", .nothing(["ContainersDeleted": .null, "SpaceReclaimed": 0])),
            ("POST", "/containers/create", .elsewhere("running containers")),
            ("GET", "/containers/{name:.*}/json", .absent(.container)),
            ("GET", "/containers/{name:.*}/logs", .elsewhere("showing the logs of containers")),
            ("DELETE", "/containers/{name:.*}", .elsewhere("removing containers")),
            ("POST", "/commit", .elsewhere("committing containers")),
        ]
        + ["GET", "HEAD", "POST", "PUT"].map { ($0, "/containers/{name:.*}/{action}", .absent(.container)) }

    /// A prune finds nothing to do: 501 here would end `docker system prune` before it comes to the images.
    private static let otherKinds: [Entry] = [
        ("GET", "/networks", .nothing([])),
        ("POST", "/networks/prune", .nothing(["NetworksDeleted": .null])),
        ("POST", "/networks/create", .elsewhere("creating networks")),
        ("GET", "/networks/{name:.*}", .absent(.network)),
        ("DELETE", "/networks/{name:.*}", .absent(.network)),
        ("POST", "/networks/{name:.*}/{action}", .absent(.network)),
        ("GET", "/volumes", .nothing(["Volumes": [], "Warnings": .null])),
        ("POST", "/volumes/prune", .nothing(["VolumesDeleted": [], "SpaceReclaimed": 0])),
        ("POST", "/volumes/create", .elsewhere("creating volumes")),
        ("GET", "/volumes/{name:.*}", .absent(.volume)),
        ("DELETE", "/volumes/{name:.*}", .absent(.volume)),
        ("GET", "/plugins", .nothing([])),
        ("GET", "/plugins/{name:.*}/json", .absent(.plugin)),
        ("POST", "/build", .elsewhere("building images")),
        ("POST", "/session", .elsewhere("building images")),
        ("POST", "/grpc", .elsewhere("building images")),
        ("POST", "/build/prune", .nothing(["CachesDeleted": .null, "SpaceReclaimed": 0])),
        ("POST", "/images/{name:.*}/push", .elsewhere("pushing images")),
        ("GET", "/images/search", .elsewhere("searching registries")),
    ]

    private static let swarm: [Entry] = ["swarm", "nodes", "services", "tasks", "secrets", "configs"].flatMap {
        family in
        ["GET", "POST", "DELETE"].flatMap { method in
            [(method, "/\(family)", .noSwarm), (method, "/\(family)/{rest:.*}", .noSwarm)]
        }
    }

    static let noSwarmMessage =
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to "
        + "swarm and try again."
}
