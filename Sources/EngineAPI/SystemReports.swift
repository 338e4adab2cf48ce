internal import Catalogue
internal import OCI

/// `/version` and `/info`.
extension EngineRoutes {
    func versionReport() -> JSON { SystemReports.version(of: context.daemon) }

    func infoReport() async throws -> JSON {
        let totals = try await context.catalogue.totals()
        let daemon = context.daemon
        let status =
            [
                (name: "Content Store", value: daemon.rootDirectory + "/store"),
                (name: "layerd Version", value: daemon.version),
                (name: "Running Since", value: daemon.started.description),
                (name: "References", value: String(totals.references)),
                (name: "Blobs", value: String(totals.blobs)),
                (name: "Data Space Used", value: "\(totals.layersSize)B"),
            ] + (await daemon.status())
        return SystemReports.info(of: daemon, images: totals.images, status: status, now: context.now())
    }
}

enum SystemReports {
    static func version(of daemon: DaemonFacts) -> JSON {
        // No Go is in layerd, but the docker command prints a gap where the version is empty.
        let goVersion: JSON = "n/a"
        let built = JSON.string(daemon.buildTime?.description ?? "")
        let engine = DaemonFacts.engineVersion
        let details = JSON.fields([
            "ApiVersion": .string(APIVersion.newest.description), "Arch": .string(Platform.host.architecture),
            "BuildTime": built, "Experimental": "false", "GitCommit": .string(daemon.gitCommit),
            "GoVersion": goVersion, "KernelVersion": .string(daemon.machine.kernelVersion),
            "MinAPIVersion": .string(APIVersion.oldest.description), "Os": "linux",
        ])
        let own = JSON.fields(["GitCommit": .string(daemon.gitCommit)])
        return JSON.fields([
            "Platform": ["Name": "layerd"],
            "Components": [
                ["Name": "Engine", "Version": .string(engine), "Details": details],
                ["Name": "layerd", "Version": .string(daemon.version), "Details": own],
            ],
            "Version": .string(engine), "ApiVersion": .string(APIVersion.newest.description),
            "MinAPIVersion": .string(APIVersion.oldest.description), "GitCommit": .string(daemon.gitCommit),
            "GoVersion": goVersion, "Os": "linux", "Arch": .string(Platform.host.architecture),
            "KernelVersion": .string(daemon.machine.kernelVersion), "BuildTime": built,
        ])
    }

    static func info(
        of daemon: DaemonFacts, images: Int, status: [(name: String, value: String)], now: Timestamp
    ) -> JSON {
        let head = JSON.fields([
            "ID": .string(daemon.identity), "Containers": 0, "ContainersRunning": 0, "ContainersPaused": 0,
            "ContainersStopped": 0, "Images": .integer(Int64(images)), "Driver": "layerd",
            "DriverStatus": .array(status.map { [.string($0.name), .string($0.value)] }),
            "Plugins": ["Volume": [], "Network": [], "Authorization": .null, "Log": []],
        ])
        let tail = JSON.fields([
            "DockerRootDir": .string(daemon.rootDirectory), "HttpProxy": "", "HttpsProxy": "", "NoProxy": "",
            "Name": .string(daemon.machine.hostName), "Labels": [], "ExperimentalBuild": false,
            "ServerVersion": .string(DaemonFacts.engineVersion), "Runtimes": .null, "DefaultRuntime": "",
            "Swarm": [
                "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false, "Error": "",
                "RemoteManagers": .null,
            ],
            "LiveRestoreEnabled": false, "Isolation": "", "InitBinary": "", "ContainerdCommit": ["ID": ""],
            "RuncCommit": ["ID": ""], "InitCommit": ["ID": ""], "SecurityOptions": [], "CDISpecDirs": [],
            "Warnings": .null,
        ])
        return .object([head, capabilities, machine(daemon, now), tail].flatMap { $0.members ?? [] })
    }

    /// Nothing here limits containers, there being none; but old docker commands warn of each capability that is
    /// missing.
    private static let capabilities = JSON.object(
        [
            "MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit",
            "IPv4Forwarding", "BridgeNfIptables", "BridgeNfIp6tables", "OomKillDisable",
        ].map { JSON.Member($0, true) })

    private static func machine(_ daemon: DaemonFacts, _ now: Timestamp) -> JSON {
        .fields([
            "Debug": false, "NFd": 0, "NGoroutines": 0, "SystemTime": .string(now.description), "LoggingDriver": "",
            "CgroupDriver": "none", "NEventsListener": 0, "KernelVersion": .string(daemon.machine.kernelVersion),
            "OperatingSystem": .string(daemon.machine.operatingSystem),
            "OSVersion": .string(daemon.machine.systemVersion), "OSType": "linux",
            "Architecture": .string(MachineFacts.architecture),
            "IndexServerAddress": "https://index.docker.io/v1/", "RegistryConfig": registries(daemon),
            "NCPU": .integer(Int64(daemon.machine.processors)), "MemTotal": .integer(daemon.machine.memory),
            "GenericResources": .null,
        ])
    }

    private static func registries(_ daemon: DaemonFacts) -> JSON {
        let mirrors = JSON.strings(daemon.hubMirrors)
        let hub = JSON.Member("docker.io", registry("docker.io", mirrors: mirrors, official: true, secure: true))
        let insecure = daemon.insecureRegistries.map {
            JSON.Member($0, registry($0, mirrors: [], official: false, secure: false))
        }
        return [
            "IndexConfigs": JSON.object([hub] + insecure).sortedByKey, "InsecureRegistryCIDRs": [], "Mirrors": mirrors,
        ]
    }

    private static func registry(_ name: String, mirrors: JSON, official: Bool, secure: Bool) -> JSON {
        ["Mirrors": mirrors, "Name": .string(name), "Official": .bool(official), "Secure": .bool(secure)]
    }
}
