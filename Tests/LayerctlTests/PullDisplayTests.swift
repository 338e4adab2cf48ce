import ArgumentParser
import OCI
import Testing

@testable import layerctl

@Suite struct `A live pull` {
    private let layer = "sha256:" + String(repeating: "a", count: 64)

    private func display(width: Int = 120) throws -> LiveDisplay {
        LiveDisplay(reference: try Reference(parsing: "team/app:1"), width: width)
    }

    private func line(_ text: String) throws -> PullLine { try PullLine(JSON(parsing: Array(text.utf8))) }

    @Test func `has a line for each layer and one for the whole, rewritten in place`() throws {
        let display = try display()
        #expect(display.render(try line(#"{"type":"resolved","digest":"sha256:1"}"#)) == "1: Pulling from team/app\n")
        let first = display.render(
            try line(#"{"type":"layer","digest":"\#(layer)","state":"downloading","current":500,"total":1000}"#))
        #expect(
            first == "\r\u{1b}[2Kaaaaaaaaaaaa: Downloading [" + String(repeating: "=", count: 25) + ">"
                + String(repeating: " ", count: 24) + "] 500B/1kB\n")
        let second = display.render(
            try line(
                #"{"type":"total","layers":2,"layersDone":1,"bytes":2000,"received":500,"bytesPerSecond":250,"#
                    + #""etaSeconds":6}"#
            ))
        #expect(second.hasPrefix("\u{1b}[1A\r\u{1b}[2Kaaaaaaaaaaaa: Downloading"))
        #expect(second.hasSuffix("\r\u{1b}[2K1/2 layers, 500B/2kB (25%), 250B/s, 6s left\n"))
    }

    @Test func `fits its lines to the terminal`() throws {
        let display = try display(width: 30)
        let text = display.render(
            try line(
                #"{"type":"layer","digest":"\#(layer)","state":"downloading","current":123456789,"total":987654321}"#))
        #expect(text.count <= 29 + "\r\u{1b}[2K\n".count)
    }

    @Test func `ends with docker's last words and what was saved`() throws {
        let display = try display()
        let text = display.render(
            try line(
                #"{"type":"done","digest":"sha256:9","upToDate":false,"fetchedBytes":1500,"fetchedBlobs":2,"#
                    + #""sharedBytes":7}"#
            ))
        #expect(text.contains("fetched 1.5kB in 2 blobs; layers of 7B were already here\n"))
        #expect(text.hasSuffix("Digest: sha256:9\nStatus: Downloaded newer image for team/app:1\n"))
        #expect(display.end())
    }

    @Test(arguments: [(Int64(0), 0), (50, 5), (100, 10), (900, 10), (-5, 0)])
    func `draws a bar of its share, whatever the figures`(current: Int64, full: Int) {
        let bar = LiveDisplay.bar(current, 100, columns: 10)
        #expect(bar.count == 12)
        #expect(bar.filter { $0 == "=" }.count == full)
    }
}

@Suite struct `A line of the daemon's` {
    @Test func `without a type is not of layerd`() throws {
        #expect(throws: Failure.self) { try PullLine(["status": "Pulling"]) }
    }

    @Test func `of a type yet unknown is passed over`() throws {
        guard case .unknown = try PullLine(["type": "weather"]) else {
            Issue.record("a type of a later daemon was taken for one of ours")
            return
        }
    }
}

@Suite struct `A socket's address` {
    @Test(arguments: ["tcp://127.0.0.1:2375", "/run/x.sock", "unix://relative.sock", ""])
    func `other than a Unix socket is a usage error`(host: String) throws {
        let options = try GlobalOptions.parse(["-H", host])
        #expect(throws: (any Error).self) { try options.client() }
    }

    @Test func `is a path`() throws {
        #expect(try GlobalOptions.parse(["-H", "unix:///tmp/l.sock"]).client().socket == "/tmp/l.sock")
    }

    @Test(arguments: [
        (["-H", "unix:///s", "pull", "-q", "x"], ["pull", "-H", "unix:///s", "-q", "x"]),
        (["--host=unix:///s", "ls"], ["ls", "--host=unix:///s"]),
        (["ls", "-H", "unix:///s"], ["ls", "-H", "unix:///s"]),
        (["-H", "unix:///s"], ["-H", "unix:///s"]), ([], []),
    ])
    func `may stand before the verb`(given: [String], ordered: [String]) {
        #expect(LayerctlCommand.ordered(given) == ordered)
    }

    @Test func `encodes what a query may hold`() {
        #expect(percentEncoded("a b&c=d/é:1") == "a%20b%26c%3Dd%2F%C3%A9%3A1")
        #expect(InspectCommand.path("reg:5000/team/app@sha256:ab?x") == "reg:5000/team/app%40sha256:ab%3Fx")
    }
}
