import OCI
import Registry
import TestSupport
import Testing

@Suite struct `A challenge` {
    static let quirks: [(lines: [String], challenges: [Challenge])] = [
        (["BEARER realm=\"https://a.example\""], [bearer(["realm": "https://a.example"])]),
        (
            ["Bearer realm=\"https://quay.io/v2/auth\",service=\"quay.io\",scope=repository:a/b:pull"],
            [bearer(["realm": "https://quay.io/v2/auth", "service": "quay.io", "scope": "repository:a/b:pull"])]
        ),
        (
            ["Bearer scope=repository:a/b:pull,push,realm=\"https://a.example\""],
            [bearer(["scope": "repository:a/b:pull,push", "realm": "https://a.example"])]
        ),
        (["Negotiate", "Basic realm=\"x\""], [Challenge(scheme: "negotiate"), basic(["realm": "x"])]),
        (["Negotiate YII=, Basic realm=x"], [Challenge(scheme: "negotiate"), basic(["realm": "x"])]),
        (
            ["Basic realm=\"x\", Bearer realm=\"https://a.example\",service=s"],
            [basic(["realm": "x"]), bearer(["realm": "https://a.example", "service": "s"])]
        ),
        (["Bearer realm=\"a, Basic realm=b\""], [bearer(["realm": "a, Basic realm=b"])]),
        (["Bearer  realm = \"r\" ,\t service = s"], [bearer(["realm": "r", "service": "s"])]),
        (["Bearer realm=\"one\",realm=\"two\""], [bearer(["realm": "one"])]),
        (["realm=\"no scheme\""], []),
        ([",,, ,"], []),
        (["Bearer \"", "Basic"], [bearer([:]), basic([:])]),
    ]

    @Test(arguments: quirks)
    func `is read as registries write it`(lines: [String], challenges: [Challenge]) {
        #expect(Challenge.parse(lines) == challenges)
    }

    @Test(
        .enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"),
        arguments: ["auth-challenge", "auth-challenge-real"])
    func `is read as other clients read it`(table: String) throws {
        for vector in try CorpusFiles.cases(table) {
            let lines = strings(vector["input"])
            let found = Challenge.parse(lines)
            guard let expected = vector["expected"]?.array else {
                // Others refuse the line; we keep what is whole, so something that was written must be missing.
                let written = lines.joined().split(separator: "=").count - 1
                #expect(found.reduce(0) { $0 + $1.parameters.count } < written, "\(lines)")
                continue
            }
            let challenges = expected.filter { $0["scheme"] != "unknown" }.map { challenge in
                Challenge(
                    scheme: challenge["scheme"]?.string ?? "",
                    parameters: Dictionary(
                        (challenge["params"]?.members ?? []).map { ($0.key, $0.value.string ?? "") },
                        uniquingKeysWith: { $1 }))
            }
            #expect(found == challenges, "\(vector["id"]?.string ?? "")")
        }
    }

    @Test func `does not grow without bounds`() {
        let many = (0..<500).map { "k\($0)=v" }.joined(separator: ",")
        #expect(Challenge.parse(["Bearer " + many]).first?.parameters.count == 32)
        #expect(Challenge.parse(["Bearer realm=\"\(String(repeating: "x", count: 10_000))\""]).isEmpty)
        #expect(Challenge.parse(Array(repeating: "Basic", count: 1000)).count == 16)
    }

    private static func bearer(_ parameters: [String: String]) -> Challenge {
        Challenge(scheme: "bearer", parameters: parameters)
    }

    private static func basic(_ parameters: [String: String]) -> Challenge {
        Challenge(scheme: "basic", parameters: parameters)
    }
}
