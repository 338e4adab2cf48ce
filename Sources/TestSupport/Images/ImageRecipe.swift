public import OCI

/// One line of an image's history, as a Dockerfile's instruction makes it.
public struct ImageStep: Sendable {
    /// The instruction.
    public var createdBy: String
    /// The layer it made; `nil` for those that change the config only.
    public var layer: GeneratedLayer?

    public init(_ createdBy: String, _ layer: GeneratedLayer? = nil) {
        self.createdBy = createdBy
        self.layer = layer
    }
}

/// The `config` object of an image's config: how a container of it runs.
public struct ImageSettings: Sendable {
    /// Variables as `NAME=value`.
    public var environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    public var entrypoint: [String] = []
    public var command: [String] = []
    public var workingDirectory = ""
    public var user = ""
    /// Ports as `3000/tcp`.
    public var ports: [String] = []
    public var labels: [String: String] = [:]

    public init() {}

    var json: JSON {
        var members: [JSON.Member] = []
        if !user.isEmpty { members.append(JSON.Member("User", .string(user))) }
        if !ports.isEmpty {
            members.append(JSON.Member("ExposedPorts", .object(ports.sorted().map { JSON.Member($0, [:]) })))
        }
        members.append(JSON.Member("Env", .array(environment.map(JSON.string))))
        if !entrypoint.isEmpty { members.append(JSON.Member("Entrypoint", .array(entrypoint.map(JSON.string)))) }
        if !command.isEmpty { members.append(JSON.Member("Cmd", .array(command.map(JSON.string)))) }
        if !workingDirectory.isEmpty { members.append(JSON.Member("WorkingDir", .string(workingDirectory))) }
        if !labels.isEmpty { members.append(JSON.Member("Labels", .texts(labels))) }
        return .object(members)
    }
}

/// All that makes one platform's image.
public struct ImageRecipe: Sendable {
    public var platform: Platform
    public var format = ImageFormat.oci
    public var steps: [ImageStep]
    public var settings = ImageSettings()
    /// When the last step was made; those before it are a minute apart.
    public var created = Timestamp(seconds: 1_753_171_200)
    /// The manifest's annotations.
    public var annotations: [String: String] = [:]

    public init(_ platform: Platform = .linuxAMD64, steps: [ImageStep]) {
        self.platform = platform
        self.steps = steps
    }

    var config: JSON {
        var members: [JSON.Member] = [JSON.Member("architecture", .string(platform.architecture))]
        if let variant = platform.variant { members.append(JSON.Member("variant", .string(variant))) }
        members += [
            JSON.Member("os", .string(platform.os)),
            JSON.Member("created", .string(created.description)),
            JSON.Member("config", settings.json),
            JSON.Member(
                "rootfs", ["type": "layers", "diff_ids": .array(steps.compactMap { $0.layer?.diffID.json })]),
            JSON.Member("history", .array(history)),
        ]
        return .object(members)
    }

    private var history: [JSON] {
        steps.enumerated().map { index, step in
            let time = Timestamp(seconds: created.seconds - Int64(60 * (steps.count - 1 - index)))
            var members = [
                JSON.Member("created", .string(time.description)),
                JSON.Member("created_by", .string(step.createdBy)),
                JSON.Member("comment", "buildkit.dockerfile.v0"),
            ]
            if step.layer == nil { members.append(JSON.Member("empty_layer", true)) }
            return .object(members)
        }
    }
}

extension Platform {
    /// linux/amd64
    public static var linuxAMD64: Platform { Platform(os: "linux", architecture: "amd64") }
    /// linux/arm64/v8
    public static var linuxARM64: Platform { Platform(os: "linux", architecture: "arm64", variant: "v8") }
    /// linux/arm/v7
    public static var linuxARMv7: Platform { Platform(os: "linux", architecture: "arm", variant: "v7") }
}

extension Digest {
    var json: JSON { .string(description) }
}
