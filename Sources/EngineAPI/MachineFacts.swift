internal import FoundationEssentials
internal import OCI

/// What `/info` tells of the machine.
public struct MachineFacts: Sendable, Equatable {
    public var hostName: String
    /// Of the running kernel, as `uname -r` prints it.
    public var kernelVersion: String
    /// The distribution's name for people, as `Debian GNU/Linux 12 (bookworm)`.
    public var operatingSystem: String
    public var systemVersion: String
    public var processors: Int
    /// Bytes of memory.
    public var memory: Int64

    public init(
        hostName: String, kernelVersion: String, operatingSystem: String, systemVersion: String, processors: Int,
        memory: Int64
    ) {
        self.hostName = hostName
        self.kernelVersion = kernelVersion
        self.operatingSystem = operatingSystem
        self.systemVersion = systemVersion
        self.processors = processors
        self.memory = memory
    }

    /// Reads the facts of this machine. A fact that cannot be read is empty: nobody's pull depends on it.
    public static func read() -> MachineFacts {
        let release = osRelease(text(of: "/etc/os-release"))
        return MachineFacts(
            hostName: firstLine(text(of: "/proc/sys/kernel/hostname")),
            kernelVersion: firstLine(text(of: "/proc/sys/kernel/osrelease")),
            operatingSystem: release["PRETTY_NAME"] ?? "Linux",
            systemVersion: release["VERSION_ID"] ?? "",
            processors: ProcessInfo.processInfo.activeProcessorCount,
            memory: Int64(clamping: ProcessInfo.processInfo.physicalMemory))
    }

    /// Names and values of an os-release file, quotes removed; os-release(5).
    static func osRelease(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            var value = line[line.index(after: equals)...]
            if value.count >= 2, let quote = value.first, quote == "\"" || quote == "'", value.last == quote {
                value = value.dropFirst().dropLast()
            }
            values[String(line[..<equals])] = String(value)
        }
        return values
    }

    /// As `uname -m` says it, which is how docker names architectures in `/info`.
    static var architecture: String {
        switch Platform.host.architecture {
        case "amd64": "x86_64"
        case "arm64": "aarch64"
        case let other: other
        }
    }

    private static func text(of path: String) -> String {
        do { return try String(contentsOfFile: path, encoding: .utf8) } catch { return "" }
    }

    private static func firstLine(_ text: String) -> String {
        text.split(separator: "\n").first.map(String.init) ?? ""
    }
}
