import Keyring
import OCI
import TestSupport
import Testing

/// A file of its own, with a mode.
struct SomeFile {
    let directory: TemporaryDirectory
    let path: String

    init(_ bytes: [UInt8], mode: String = "600", name: String = "secret") async throws {
        directory = try TemporaryDirectory("layerd-keyring")
        path = directory.path(name)
        try Files.write(bytes, to: path)
        try await runChecked("chmod", [mode, path])
    }

    init(_ text: String, mode: String = "600", name: String = "secret") async throws {
        try await self.init(Array(text.utf8), mode: mode, name: name)
    }
}

/// The sentence that a reading of `bytes` fails with, without the path it begins with.
private func refusal(_ file: SomeFile) -> String? {
    do { _ = try SecretFile(file.path).line() } catch {
        return String(error.description.dropFirst(file.path.count + 1))
    }
    return nil
}

@Suite struct `A file with a secret` {
    @Test(arguments: [("pw", "pw"), ("pw\n", "pw"), ("p w:\u{e9}\r\n", "p w:\u{e9}")])
    func `is its only line`(text: String, line: String) async throws {
        for mode in ["600", "640"] {
            let file = try await SomeFile(text, mode: mode)
            #expect(try SecretFile(file.path).line() == line)
        }
        #expect(try SecretFile("/no/such/file").line() == nil)
    }

    @Test(arguments: ["604", "644", "660", "666", "620", "601"])
    func `is refused when it is open to others`(mode: String) async throws {
        let file = try await SomeFile("canary", mode: mode)
        #expect(try #require(refusal(file)).hasPrefix("is open to others (mode \(mode)): make it 0600"))
        #expect(try SecretFile(file.path, privacy: .unchecked).line() == "canary")
    }

    @Test func `is refused when it belongs to another user`() async throws {
        let file = try await SomeFile("canary")
        // Only root can give a file away.
        guard try await runProcess("chown", ["65534", file.path]).status == 0 else { return }
        #expect(refusal(file) == "belongs to another user: make root or layerd's user its owner")
    }

    @Test(arguments: [
        ([], "is empty"), ([10], "is empty"), ([0xFF, 0xFE, 0x41], "is binary: it must hold one line of text"),
        ([0x41, 0, 0x42], "must hold one line of text, without control characters"),
        (Array("canary\nmore".utf8), "must hold one line of text, without control characters"),
        ([UInt8](repeating: 0x41, count: 1 << 20), "has more than 65536 bytes: not what is meant"),
    ])
    func `is refused, and not quoted, when it is no line`(bytes: [UInt8], reason: String) async throws {
        #expect(refusal(try await SomeFile(bytes)) == reason)
    }

    @Test func `is refused when it is no regular file`() async throws {
        let directory = try TemporaryDirectory()
        try await runChecked("mkfifo", [directory.path("pipe")])
        for path in [directory.path, directory.path("pipe")] {
            let error = #expect(throws: KeyringError.self) { try SecretFile(path).read(limit: 10) }
            #expect(error?.description == "\(path) is no regular file")
        }
    }
}
