// measure-transfers: holds transfers to their figures, against a Hub stand-in in this process: a link that breaks, a
// link that is long, an allowance that is small. Prints what it measured; ends with 1 when a figure is missed.

internal import ArgumentParser
internal import Glibc
internal import OCI
internal import TestSupport

@main
struct MeasureTransfers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure-transfers",
        abstract: "Measures layerd's pulls over links that break, over long links, and with a small allowance.")

    @Argument(help: "What to measure: cuts, far, allowance; all of them when none is named.")
    var what: [String] = []

    @Option(help: "Where layerd and layerctl are; beside this program otherwise.")
    var products: String?

    func validate() throws {
        if let unknown = what.first(where: { !["cuts", "far", "allowance"].contains($0) }) {
            throw ValidationError("There is nothing called \(unknown) to measure.")
        }
    }

    func run() async throws {
        let directory = try TemporaryDirectory("measure-transfers")
        defer { directory.remove() }
        let bench = Bench(products: products ?? Bench.ownDirectory, directory: directory)
        let measures: [(String, (Bench) async throws -> Bool)] = [
            ("cuts", cuts), ("far", far), ("allowance", allowance),
        ]
        var isGood = true
        for (name, measure) in measures where what.isEmpty || what.contains(name) {
            isGood = try await measure(bench) && isGood
        }
        if !isGood { throw ExitCode(1) }
    }

    /// A layer of 1 GB over a link that breaks every 50 MB.
    private func cuts(_ bench: Bench) async throws -> Bool {
        var options = HubOptions.plainLoopback
        options.cutsLinkEvery = 50_000_000
        let (hub, bytes) = try await bench.hub(options, images: ["giga": [1_000_000_000]])
        let daemon = try await bench.daemon(hub)
        let seconds = try await daemon.pull("giga")
        let extra = Double(hub.log.bytesSent()) / Double(bytes) - 1
        print(
            "cuts: 1 GB, a break every 50 MB: \(rounded(seconds)) s, \(rounded(extra * 100)) % extra bytes, "
                + "\(hub.log.count(.cdn)) answers; at most 5 %")
        try await bench.end(daemon, hub)
        return extra <= 0.05
    }

    /// Image A (8 layers, 600 MB, one of 300 MB) with 40 ms before each answer and 30 MB/s a connection.
    private func far(_ bench: Bench) async throws -> Bool {
        var options = HubOptions.plainLoopback
        options.latency = .milliseconds(40)
        options.bytesPerSecond = 30_000_000
        let sizes = [300, 90, 70, 50, 40, 25, 15, 10].map { $0 * 1_000_000 }
        let (hub, _) = try await bench.hub(options, images: ["a": sizes])
        var best: [Double] = []
        for config in ["", "[pull]\nrange-threshold = \"1000GB\"\n"] {
            var runs: [Double] = []
            for _ in 0..<3 {
                let daemon = try await bench.daemon(hub, config: config)
                runs.append(try await daemon.pull("a"))
                try await daemon.end()
            }
            best.append(runs.sorted()[1])
        }
        await hub.stop()
        let ratio = best[1] / best[0]
        print(
            "far: 600 MB, 40 ms, 30 MB/s a connection: in parts \(rounded(best[0])) s, one stream a layer "
                + "\(rounded(best[1])) s: \(rounded(ratio)) times as fast; at least 4")
        return ratio >= 4
    }

    /// Ten images where ten pulls are allowed, 200 pulls of them again, and an eleventh.
    private func allowance(_ bench: Bench) async throws -> Bool {
        var options = HubOptions.plainLoopback
        options.allowance = HubAllowance(anonymous: 10)
        let names = (1...11).map { "image\($0)" }
        let (hub, _) = try await bench.hub(
            options, images: Dictionary(uniqueKeysWithValues: names.map { ($0, [10_000 + $0.utf8.count]) }))
        let daemon = try await bench.daemon(hub)
        for name in names.prefix(10) { _ = try await daemon.pull(name) }
        let spent = hub.pullsUsed()
        for number in 0..<200 { _ = try await daemon.pull(names[number % 10]) }
        let again = hub.pullsUsed() - spent
        let refusal = try await daemon.refusal("image11")
        print(
            "allowance: 10 images cost \(spent) pulls, 200 pulls of them again cost \(again); the eleventh: \(refusal)")
        try await bench.end(daemon, hub)
        return spent == 10 && again == 0 && refusal.contains("try again at 20")
    }
}

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
