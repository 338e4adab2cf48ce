internal import OCI

/// The `Config` of inspect, made from the `config` object of an image: what a container made from it would run.
///
/// From 1.50 on it has the members of an image that are set. Before, it has those of a container too, set or not.
func executionConfig(_ config: JSON?, _ version: APIVersion) -> JSON {
    let members = version < .v1(50) ? containerMembers : imageMembers
    return .object(
        members.compactMap { name, fallback in
            let value = config?[name].map { sortedNames.contains(name) ? $0.sortedByKey : $0 }
            if let value, !value.isEmptyValue { return JSON.Member(name, value) }
            return fallback.map { JSON.Member(name, $0) }
        })
}

/// What Go keeps in maps, and so writes in order.
private let sortedNames: Set<String> = ["ExposedPorts", "Volumes", "Labels"]

/// Members of the image specification and docker's own, in dockerd's order, none of them when it is not set.
private let imageMembers: [(String, JSON?)] = [
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "ArgsEscaped",
    "Healthcheck", "OnBuild", "Shell",
].map { ($0, nil) }

/// Members of a container, in dockerd's order, with what stands for those not set; `nil` leaves them out.
private let containerMembers: [(String, JSON?)] = [
    ("Hostname", ""), ("Domainname", ""), ("User", ""), ("AttachStdin", false), ("AttachStdout", false),
    ("AttachStderr", false), ("ExposedPorts", nil), ("Tty", false), ("OpenStdin", false), ("StdinOnce", false),
    ("Env", .null), ("Cmd", .null), ("Healthcheck", nil), ("ArgsEscaped", nil), ("Image", ""), ("Volumes", .null),
    ("WorkingDir", ""), ("Entrypoint", .null), ("NetworkDisabled", nil), ("MacAddress", nil), ("OnBuild", .null),
    ("Labels", .null), ("StopSignal", nil), ("StopTimeout", nil), ("Shell", nil),
]
