import OCI
import TestSupport
import Testing
import Transport

@testable import Registry

@Suite struct `A server's wish to wait` {
    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `is understood as registries write it`() throws {
        let vectors = try CorpusFiles.cases("ratelimit").filter { $0["input"]?["header"] == "Retry-After" }
        #expect(vectors.count == 5)
        for vector in vectors {
            var headers = HTTPHeaders([("Retry-After", vector["input"]?["value"]?.string ?? "")])
            if let date = vector["input"]?["response_date"]?.string { headers.add("Date", date) }
            let wait = RetryAfter.wait(in: headers, now: noon)
            #expect(wait == seconds(vector["expected"]?["wait_seconds"]), "\(vector["id"]?.string ?? "")")
        }
    }

    @Test(arguments: [
        ("Thu, 01 May 2025 12:00:05 GMT", Duration.seconds(5)), ("Thu, 01 May 2025 11:59:00 GMT", nil),
        ("1746100860", .seconds(60)), ("1000000000", .seconds(21600)), ("99999999999999999999999", nil),
        ("9223372036854775807", .seconds(21600)), ("soon", nil), ("", nil), ("1.5", nil), ("+5", nil),
        ("1000000001", nil), ("Thu, 99 Foo 2025 12:00:05 GMT", nil), ("86400", .seconds(21600)),
    ])
    func `is capped, and nonsense is none`(value: String, wait: Duration?) {
        #expect(RetryAfter.wait(value, now: noon) == wait)
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `is found in the text of a refusal`() throws {
        let vectors = try CorpusFiles.cases("ratelimit").filter { $0["input"]?["message"] != nil }
        #expect(vectors.count == 10)
        for vector in vectors {
            let text = QuotaText(vector["input"]?["message"]?.string ?? "")
            let expected = try #require(vector["expected"])
            #expect(text.retryAfter == seconds(expected["retry_after_seconds"]), "\(vector["id"]?.string ?? "")")
            #expect(text.quota?.count == expected["allowed"]?.integer.map(Int.init))
            #expect(text.quota?.window == seconds(expected["window_seconds"]))
        }
    }

    private func seconds(_ value: JSON?) -> Duration? {
        switch value {
        case .number(let seconds)?: .seconds(seconds)
        case .integer(let seconds)?: .seconds(seconds)
        default: nil
        }
    }
}

@Suite struct `An allowance` {
    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `is read from its header`() throws {
        let vectors = try CorpusFiles.cases("ratelimit").filter { $0["input"]?["header"] == "RateLimit-Limit" }
        #expect(vectors.count == 7)
        for vector in vectors {
            let quota = Quota(vector["input"]?["value"]?.string ?? "")
            #expect(
                quota?.count == vector["expected"]?["allowed"]?.integer.map(Int.init), "\(vector["id"]?.string ?? "")")
            var window: Duration?
            if case .number(let seconds)? = vector["expected"]?["window_seconds"] { window = .seconds(seconds) }
            #expect(quota?.window == window, "\(vector["id"]?.string ?? "")")
        }
    }

    @Test func `is kept for each registry, from its last answer`() async throws {
        let sample = Sample.manifest()
        let rig = Rig { request, number in
            guard request.url.hasPrefix("https://registry-1.docker.io/") else { return sample.reply() }
            return sample.reply([
                "RateLimit-Limit": "100;w=21600", "ratelimit-remaining": "\(76 - number);w=21600",
                "docker-ratelimit-source": "192.0.2.1",
            ])
        }
        #expect(rig.client.allowance(of: "docker.io") == nil)
        _ = try await rig.client.resolve(reference("alpine"), credential: nil)
        _ = try await rig.client.resolve(reference("alpine"), credential: nil)
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        let expected = Allowance(
            limit: 100, remaining: 75, window: .seconds(21600), source: "192.0.2.1", recorded: noon)
        #expect(rig.client.allowance(of: "docker.io") == expected)
        #expect(rig.client.allowance(of: "r.example") == nil)
    }
}
