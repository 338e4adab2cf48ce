import Coordination
import Glibc
import Hashing
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `A blob through the mirror` {
    private let factory = ImageFactory(seed: 12)

    /// An image of one layer of about 3 MB, and that layer.
    private func big(_ rig: MirrorRig) throws -> (image: GeneratedImage, layer: GeneratedBlob) {
        let image = try factory.big([3_000_000], platform: .host)
        rig.hub.content.add(image, to: "library/big")
        return (image, try #require(image.manifests.first?.layers.first))
    }

    @Test func `comes once for many who ask at the same time, whole and in parts`() async throws {
        try await withMirror { rig in
            let (_, layer) = try big(rig)
            let size = layer.descriptor.size
            let expected = try layer.source.readAll()
            let gate = TestSupport.Gate()
            rig.hub.misbehave(on: .cdn(layer.digest), .nth(2), .hold(gate, after: 1_000_000))
            let ranges = ["", "0-", "100-199", "1000000-", "-500", "2900000-2999999"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        let range = ranges[number % ranges.count]
                        let headers = range.isEmpty ? [] : [("Range", "bytes=\(range)")]
                        let answer = try await rig.get("/v2/library/big/blobs/\(layer.digest)", headers)
                        #expect(answer.status == (range.isEmpty ? 200 : 206) && answer.failure == nil)
                        guard case .part(let part) = ByteRange(headers.first?.1 ?? "bytes=0-", size: size) else {
                            return
                        }
                        #expect(answer.body == Array(expected[Int(part.lowerBound)..<Int(part.upperBound)]), "\(range)")
                    }
                }
                try await rig.hub.log.wait(for: "the transfer") { $0.records.contains { $0.bytesSent >= 1_000_000 } }
                gate.open()
                try await group.waitForAll()
            }
            // One question of one byte, and the transfer.
            #expect(rig.hub.log.count(.cdn, digest: layer.digest) <= 2)
            let sent = rig.hub.log.bytesSent(.cdn)
            #expect(sent <= size + 1, "\(sent) bytes upstream for \(size)")
        }
    }

    @Test func `goes on when everybody has left`() async throws {
        try await withMirror { rig in
            let (_, layer) = try big(rig)
            let gate = TestSupport.Gate()
            rig.hub.misbehave(on: .cdn(layer.digest), .nth(2), .hold(gate, after: 500_000))
            let target = "/v2/library/big/blobs/\(layer.digest)"
            let readers = (0..<8).map { _ in Task { try await rig.get(target) } }
            try await rig.hub.log.wait(for: "the transfer") { $0.records.contains { $0.bytesSent >= 500_000 } }
            for reader in readers { reader.cancel() }
            for reader in readers { _ = await reader.result }
            // Time for a transfer that is to end with its readers to end.
            try await Task.sleep(for: .milliseconds(200))
            gate.open()
            let stored = try await eventually("the blob") { try await rig.store.size(of: layer.digest) }
            #expect(stored == layer.descriptor.size)
            #expect(rig.hub.log.count(.cdn, digest: layer.digest) == 2)
        }
    }

    @Test func `is cut short of its length by FIN when its registry fails in the middle`() async throws {
        try await withMirror { rig in
            let (_, layer) = try big(rig)
            // Slowly, so that the answer has begun by then. Asked before: for a token, for the length, for all of it.
            rig.hub.misbehave(
                on: .cdn(layer.digest), .after(1), .drip(bytes: 50_000, every: .milliseconds(20)),
                .cut(after: 1_000_000))
            rig.hub.misbehave(on: .blob(layer.digest), .after(3), .status(404))
            try await rig.serving { port in
                let result = try await curl(port, "/v2/library/big/blobs/\(layer.digest)")
                #expect(result.exit == 18, "exit \(result.exit): not an early FIN")
                let expected = try layer.source.readAll()
                #expect(result.body.count < expected.count && expected.starts(with: result.body))
                #expect(result.body.count > 0)
            }
        }
    }

    @Test func `goes on for its readers when the registry begins anew with the same bytes`() async throws {
        try await withMirror { rig in
            let (_, layer) = try big(rig)
            rig.hub.misbehave(
                on: .cdn(layer.digest), .nth(2), .drip(bytes: 100_000, every: .milliseconds(5)),
                .cut(after: 2_000_000))
            rig.hub.misbehave(on: .cdn(layer.digest), .after(2), .ignoreRange)
            let answer = try await rig.get("/v2/library/big/blobs/\(layer.digest)")
            #expect(answer.status == 200 && answer.failure == nil, "\(String(describing: answer.failure))")
            #expect(layer.digest.matches(answer.body))
            #expect(rig.hub.log.bytesSent(.cdn) > layer.descriptor.size + 1_900_000, "nothing began anew")
        }
    }

    @Test func `is never complete when its bytes are wrong`() async throws {
        try await withMirror { rig in
            let (_, layer) = try big(rig)
            rig.hub.misbehave(on: .cdn(layer.digest), .always, .flipByte(at: 1234))
            try await rig.serving { port in
                try await withThrowingTaskGroup(of: CurlResult.self) { group in
                    for number in 0..<6 {
                        let options = number % 2 == 0 ? [] : ["-H", "Range: bytes=2000000-"]
                        group.addTask { try await curl(port, "/v2/library/big/blobs/\(layer.digest)", options) }
                    }
                    for try await result in group {
                        #expect(result.exit == 18 || result.status >= 400, "\(result.exit) \(result.status)")
                        #expect(result.body.count < Int(layer.descriptor.size))
                    }
                }
            }
            #expect(try await rig.store.size(of: layer.digest) == nil)
        }
    }

    /// Whoever has the manifest cannot turn elsewhere any more, but the next attempt can.
    @Test func `that came wrong keeps its manifest back for a while`() async throws {
        try await withMirror {
            $0.patience.absence = .seconds(60)
        } _: { rig in
            let (image, layer) = try big(rig)
            rig.hub.misbehave(on: .cdn(layer.digest), .always, .flipByte(at: 1234))
            #expect(try await rig.pull("library/big", "latest", image).count == 1)
            rig.hub.behave()
            let asked = rig.blobRequests
            for reference in ["latest", "\(image.digest)"] {
                let answer = try await rig.get("/v2/library/big/manifests/\(reference)")
                #expect(answer.status == 502, "\(reference): \(answer.status)")
            }
            #expect(rig.blobRequests == asked)
        }
    }

    @Test func `that has rotted on the disk is not completed, and comes anew`() async throws {
        let first = try await MirrorRig()
        let (image, layer) = try big(first)
        #expect(try await first.pull("library/big", "latest", image) == [])
        _ = try await first.recorded("big")
        try await first.end(keepingHub: true)
        let path = first.directory.path("state/store/blobs/sha256/\(layer.digest.hex)")
        var bytes = try Files.read(path)
        bytes[2_500_000] ^= 1
        _ = try await runChecked("chmod", ["u+w", path])
        try Files.write(bytes, to: path)
        try await withMirror {
            $0.directory = first.directory
            $0.existingHub = first.hub
        } _: { rig in
            // As after a reboot: the file system knows of no change.
            rig.store.use(EarlierBoot(directory: first.directory.path("state/store/blobs/sha256")))
            let target = "/v2/library/big/blobs/\(layer.digest)"
            let broken = try await rig.get(target)
            #expect(broken.status == 200 && broken.header("X-Layerd-Source") == "hit")
            #expect(broken.failure != nil && broken.body.count < bytes.count, "\(broken.body.count) bytes went out")
            let healed = try await rig.get(target)
            #expect(healed.status == 200 && layer.digest.matches(healed.body), "\(healed.text.prefix(200))")
        }
    }

    @Test func `whose file has gone is fetched again, and never empty`() async throws {
        try await withMirror { rig in
            let (image, layer) = try big(rig)
            #expect(try await rig.pull("library/big", "latest", image) == [])
            _ = try await rig.recorded("big")
            #expect(try await rig.ask("HEAD", "/v2/library/big/blobs/\(layer.digest)").status == 200)
            _ = try await runChecked("rm", ["-f", rig.directory.path("state/store/blobs/sha256/\(layer.digest.hex)")])
            let answer = try await rig.get("/v2/library/big/blobs/\(layer.digest)")
            #expect(answer.status == 200 && layer.digest.matches(answer.body))
        }
    }

    @Test func `answers ranges, conditions and HEAD as the specification has it`() async throws {
        try await withMirror { rig in
            let content = factory.noise("2 KiB", bytes: 2048).read(at: 0, count: 2048)
            let digest = Digest.sha256(of: content)
            rig.hub.content.add(BytesSource(content), digest: digest, to: "library/raw")
            let target = "/v2/library/raw/blobs/\(digest)"
            for isHot in [false, true] {
                let whole = try await rig.get(target)
                #expect(whole.status == 200 && whole.body == content, "hot: \(isHot)")
                #expect(whole.header("Accept-Ranges") == "bytes" && whole.header("Content-Encoding") == nil)
                #expect(whole.header("Docker-Content-Digest") == digest.description)
            }
            let table: [(String, Int, Range<Int>?, String)] = [
                ("500-1499", 206, 500..<1500, "bytes 500-1499/2048"), ("500-", 206, 500..<2048, "bytes 500-2047/2048"),
                ("-500", 206, 1548..<2048, "bytes 1548-2047/2048"),
                ("2000-5000", 206, 2000..<2048, "bytes 2000-2047/2048"),
                ("500-0", 416, nil, "bytes */2048"), ("5000-10000", 416, nil, "bytes */2048"),
                ("-0", 416, nil, "bytes */2048"), ("0-99999999999999999999", 206, 0..<2048, "bytes 0-2047/2048"),
            ]
            for (range, status, part, header) in table {
                let answer = try await rig.get(
                    target, [("Range", "bytes=\(range)"), ("Accept-Encoding", "gzip, zstd")])
                #expect(answer.status == status && answer.header("Content-Range") == header, "\(range)")
                if let part { #expect(answer.body == Array(content[part])) }
            }
            let hundred = (0..<100).map { "\($0)-\($0)" }.joined(separator: ",")
            #expect(try await rig.get(target, [("Range", "bytes=\(hundred)")]).body == content)
            let tag = "\"\(digest)\""
            #expect(try await rig.get(target, [("Range", "bytes=0-0"), ("If-Range", tag)]).status == 206)
            #expect(try await rig.get(target, [("Range", "bytes=0-0"), ("If-Range", "\"x\"")]).status == 200)
            #expect(try await rig.get(target, [("If-None-Match", tag)]).status == 304)
            let head = try await rig.ask("HEAD", target)
            let again = try await rig.get(target)
            #expect(head.headers == again.headers)
        }
    }

    @Test func `without bytes is one, too`() async throws {
        try await withMirror { rig in
            let digest = Digest.sha256(of: [])
            rig.hub.content.add(BytesSource([]), digest: digest, to: "library/raw")
            for _ in 0..<2 {
                let answer = try await rig.get("/v2/library/raw/blobs/\(digest)")
                #expect(answer.status == 200 && answer.body.isEmpty && answer.failure == nil, "\(answer.text)")
            }
        }
    }

    @Test func `with an address that is no digest of ours is refused`() async throws {
        try await withMirror { rig in
            let upper = String(repeating: "A", count: 64)
            for text in ["sha256:baddigeststring", "sha256:\(upper)", "md5:d41d8cd98f00b204e9800998ecf8427e", "latest"]
            {
                let answer = try await rig.get("/v2/library/raw/blobs/\(text)")
                #expect(answer.status == 400, "\(text)")
                #expect(try answer.json["errors"]?.array?.first?["code"]?.string == "DIGEST_INVALID")
            }
            let absent = try await rig.get("/v2/library/raw/blobs/\(Digest.sha256(of: [1]))")
            #expect(absent.status == 404)
            #expect(try absent.json["errors"]?.array?.first?["code"]?.string == "BLOB_UNKNOWN")
        }
    }
}

/// Says of every file that it was verified in an earlier boot, and not changed since.
private struct EarlierBoot: BlobRecords {
    let directory: String

    func verification(of digest: Digest) async throws -> Verification? {
        var status = stat()
        guard lstat("\(directory)/\(digest.hex)", &status) == 0 else { return nil }
        let changed = Timestamp(seconds: Int64(status.st_ctim.tv_sec), nanoseconds: Int32(status.st_ctim.tv_nsec))
        return Verification(
            size: Int64(status.st_size), inode: Int64(bitPattern: UInt64(status.st_ino)), changed: changed,
            boot: "earlier")
    }

    func update(verified: [Digest: Verification], removed: Set<Digest>) async throws {}
}
