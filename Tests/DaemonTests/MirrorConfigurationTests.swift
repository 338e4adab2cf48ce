import Testing

@testable import Daemon

@Suite struct `The mirror's configuration` {
    private func errors(_ text: String) -> [String] {
        do {
            _ = try Configuration.parse(text, file: "f")
            return []
        } catch let errors as ConfigurationErrors { return errors.errors.map(\.description) } catch {
            return ["\(error)"]
        }
    }

    @Test func `has a loopback address, and nothing private, by default`() throws {
        let mirror = try Configuration.parse("", file: "f").mirror
        #expect(mirror.listen == ["127.0.0.1:5050"] && !mirror.servesPrivate && !mirror.isChosen)
        #expect(try Configuration.parse("[mirror]\nlisten = []", file: "f").mirrorListeners().isEmpty)
    }

    @Test(arguments: ["0.0.0.0:5050", "192.0.2.1:5050", "[::]:5050"])
    func `keeps an address that others can reach for those who have a certificate, or say that none is wanted`(
        address: String
    ) {
        let listen = "[mirror]\nlisten = [\"\(address)\"]\n"
        #expect(errors(listen).count == 1)
        #expect(errors(listen + "insecure-listen = true\n") == [])
    }

    @Test(arguments: [
        "listen = [\"example.com:5050\"]", "listen = [\"127.0.0.1\"]", "private = \"maybe\"",
        "cert = \"/etc/passwd\"", "client-ca = \"/etc/passwd\"", "listen = [\"127.0.0.1:99999\"]",
    ])
    func `refuses what makes no sense`(line: String) { #expect(errors("[mirror]\n\(line)").count == 1) }

    @Test func `says per registry and pattern how long a tag is believed`() throws {
        let text = """
            [registry."docker.io"]
            revalidate-after = "5m"
            revalidate = { "*:nightly" = "1m", "library/*" = "2h" }
            """
        let freshness = try #require(try Configuration.parse(text, file: "f").mirror.freshness["docker.io"])
        #expect(freshness.revalidateAfter == .seconds(300))
        #expect(Set(freshness.patterns.map(\.pattern)) == ["*:nightly", "library/*"])
        #expect(errors("[registry.\"docker.io\"]\nrevalidate = { \"x\" = 5 }").count == 1)
    }
}
