internal import Glibc
internal import OCI
internal import TestSupport

/// What every measurement needs: a stand-in with images, and a daemon for which it is Docker Hub.
struct Bench {
    let products: String
    let directory: TemporaryDirectory

    /// Where this program is.
    static var ownDirectory: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count - 1))
        let path = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    /// A stand-in with images of layers that cannot be compressed, by name and the layers' bytes.
    /// - Returns: with it, what all images together weigh.
    func hub(_ options: HubOptions, images: [String: [Int]]) async throws -> (hub: HubStandIn, bytes: Int64) {
        let hub = try await HubStandIn.start(options)
        var bytes: Int64 = 0
        for (name, sizes) in images {
            let seed = name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
            let image = try ImageFactory(seed: seed, directory: directory).big(sizes)
            hub.content.add(image, to: "library/\(name)")
            bytes += image.size
        }
        return (hub, bytes)
    }

    func daemon(_ hub: HubStandIn, config: String = "") async throws -> MeasuredDaemon {
        let own = try TemporaryDirectory("measured")
        let text = config + "[registry.\"docker.io\"]\nendpoint = \"\(hub.endpoint)\"\n"
        try Files.write(text, to: own.path("layerd.toml"))
        let process = try RunningProcess(
            products + "/layerd",
            ["--config", own.path("layerd.toml"), "--state-dir", own.path("state"), "--socket", own.path("l.sock")])
        _ = try await process.wait(for: "the word that it is ready") { $0.errorText.contains(" ready ") ? true : nil }
        return MeasuredDaemon(process: process, directory: own, products: products)
    }

    func end(_ daemon: MeasuredDaemon, _ hub: HubStandIn) async throws {
        try await daemon.end()
        await hub.stop()
    }
}

/// A daemon of this build, new, with a state of its own.
struct MeasuredDaemon {
    let process: RunningProcess
    let directory: TemporaryDirectory
    let products: String

    /// Pulls an image; returns how long that took, in seconds.
    func pull(_ name: String) async throws -> Double {
        let start = ContinuousClock.now
        let result = try await layerctl(name)
        guard result.status == 0 else {
            throw MeasureError(description: "the pull of \(name) failed: \(result.errors)")
        }
        let (seconds, attoseconds) = start.duration(to: .now).components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    /// What an image that cannot be pulled is refused with.
    func refusal(_ name: String) async throws -> String {
        let result = try await layerctl(name)
        guard result.status != 0 else { throw MeasureError(description: "the pull of \(name) did not fail") }
        return result.errors.split(separator: "\n").last.map(String.init) ?? ""
    }

    func end() async throws {
        try await process.stop()
        directory.remove()
    }

    private func layerctl(_ name: String) async throws -> ProcessResult {
        try await runProcess(
            products + "/layerctl", ["-H", "unix://\(directory.path("l.sock"))", "pull", "-q", name],
            timeout: .seconds(600))
    }
}

struct MeasureError: Error, CustomStringConvertible {
    let description: String
}
