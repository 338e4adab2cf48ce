import OCI
import TestSupport
import Testing

@testable import Registry

@Suite struct `A token's scope` {
    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `is written in one form, however it was asked for`() throws {
        let vectors = try CorpusFiles.cases("auth-scope").filter { $0["input"]?["op"] == "clean" }
        #expect(vectors.count == 8)
        for vector in vectors {
            let scopes = strings(vector["input"]?["scopes"])
            let expected = strings(vector["expected"])
            #expect(Scope.cleaned(scopes) == expected, "\(vector["id"]?.string ?? "")")
        }
    }

    @Test(arguments: [
        ("aws", ["aws"]), ("", []),
        ("repository:a/b:pull  registry:catalog:*", ["registry:catalog:*", "repository:a/b:pull"]),
        ("repository:host:5000/a:pull,pull", ["repository:host:5000/a:pull"]),
    ])
    func `is taken from a challenge`(parameter: String, scopes: [String]) {
        #expect(Scope.list(parameter) == scopes)
    }
}
