import TestSupport

/// What fuzzing begins with: hand-made inputs, and real ones where the corpus is at hand.
enum Seeds {
    static let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    static let references = [
        "docker.io/library/alpine:3.20@" + digest, "[2001:db8::1]:5000/a/b__c-d.e:tag", "localhost:5000/x", "alpine",
        "EXAMPLE.com/a", "a.b-c__d/e:" + String(repeating: "t", count: 128), String(repeating: "a", count: 64),
    ]

    static let challenges = [
        "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
            + "scope=\"repository:a/b:pull,push\"",
        "Negotiate YII=, Basic realm=x, Bearer realm=\"a\\\"b\", scope=repository:a:pull,push",
        "Basic realm=\"Artifactory Realm\"", "BEARER  realm = \"r\" ,\t service = s,error=\"insufficient_scope\"",
    ]

    static let documents = [
        """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":\
        "application/vnd.oci.image.config.v1+json","digest":"\(digest)","size":2,"data":"e30="},"layers":[\
        {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\(digest)","size":9223372036854775,\
        "annotations":{"a":"\\u00e9\\ud83d\\ude00"}}],"annotations":{"x":"y"}}
        """,
        """
        {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":\
        "\(digest)","size":12,"platform":{"os":"linux","architecture":"arm","variant":"v7","os.features":["a"]}}]}
        """,
        """
        {"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05.678901234+01:00","rootfs":{"type":"layers",\
        "diff_ids":["\(digest)"]},"config":{"Labels":{"é":"\\n"}},"history":[{"empty_layer":true}],"x":[1.5e-3,[]]}
        """,
    ]

    static let headers = [
        "bytes 100-199/200", "bytes 0-0/*", "120", "1746136938", "Sun, 06 Nov 1994 08:49:37 GMT", "100;w=21600",
        "3000, 3000;w=60", "retry-after: 331.163µs, allowed: 44000/minute",
        "<https://r/v2/a/tags/list?n=5>; rel=\"next\"",
        "bytes=0-", "bytes=5-9,-1", "eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicCJ9", "https://r.example:5000/a?b#c",
    ]

    static let others = [
        "linux/arm64/v8", "windows(10.0.17763+win32k)/amd64", "linux(%2B+a)/386", "2026-01-02T03:04:05.678901234+01:00",
    ]

    static let targets = [
        "/v2/library/alpine/manifests/3.20?ns=docker.io", "/v2/ghcr.io/o/r/blobs/" + digest, "/ghcr.io/v2/a/tags/list",
        "/v2/a/referrers/\(digest)?artifactType=a%2Fb", "/v2/_catalog?n=5&last=a", "http://localhost:5050/v2/",
        "/v1.50/images/json?filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D&all=1", "*",
        "/v1.50/images/create?fromImage=a%2Fb&tag=1&platform=", "/images/a%2Fb%3A1/json?a+b=%C3%A9",
    ]

    static let ranges = [
        "bytes=0-", "bytes=5-9", "bytes=-5", "Bytes = 0 - 99", "bytes=0-0,5-9", "bytes=99-5", "items=0-1",
        "bytes=9223372036854775806-9223372036854775807",
    ]

    static let filters = [
        #"{"label":{"a=b":true,"c":false},"reference":{"*/w[a-z]?*\\*:1":true}}"#, #"{"until":["24h","1.5h-2us"]}"#,
        #"{"dangling":["1"],"before":["x"]}"#, "24h", "1700000000.5", "2025-06-15T01:02", "-1h30m5.5s", "null",
    ]

    static let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Part\r\nContent-Range: bytes 1-2/3\r\nContent-Length: 2\r\n\r\n",
        "HTTP/2 401\r\nwww-authenticate: Bearer realm=\"x\"\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 307 Gone\nLocation: /x\nTransfer-Encoding: chunked\n\nX-Trailer: 1\n\n",
    ]

    static let dockerConfigs = [
        "{\"auths\":{\"r.example\":{\"auth\":\"YW5uOnB3\"}},\"credHelpers\":{\"a\":\"b\"},\"credsStore\":\"\"}",
        #"{"auths":{"https://r.example:5000/v2/":{"auth":"YW5uOnB3AAA=","identitytoken":""},"a":{}},"credsStore":"x"}"#,
        #"{"auths":{"https://index.docker.io/v1/":{"username":"a","password":"b","registrytoken":"t"}}}"#,
    ]

    static let ingests = [
        #"{"digest":"\#(digest)","size":900,"extents":[[0,5],[7,9]],"synced":[[0,4]],"sparse":true,"boot":"now"}"#,
        #"{"digest":"\#(digest)","size":0,"extents":[]}"#,
        #"{"digest":"\#(digest)","size":9223372036854775807,"extents":[[0,9223372036854775807]],"synced":[]}"#,
    ]

    static let settings = [
        """
        [store]
        max-size = "50GB"
        keep-at-least = "1h" # a comment
        [registry."docker.io"]
        mirrors = ["https://mirror.example/x"]
        revalidate = { "*/*:*-nightly" = "1h", "library/*" = "30m" }
        [warm.base]
        images = [
          "alpine:3.20", 'redis:7.*'
        ]
        platforms = ["linux/amd64"]
        """,
        "[log]\nlevel = \"debug\"\n[pull]\nretries = 3\nper-host = 0x10\nlow-speed = 1_024\nany-registry = false\n",
    ]

    static let warmFiles = [
        "alpine:3.20 linux/arm64 # a comment\nredis:7.*\nr.example:5000/a/b@\(digest)\n",
        "services:\n  web: &a\n"
            + "    image: \"${REGISTRY:-docker.io}/nginx:${TAG-1}\"\n    platform: linux/amd64\n  b: *a\n",
        "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
            + "      - {name: a, image: redis:7}\n---\nkind: List\n",
        "ARG V=3.20\nFROM --platform=$BUILDPLATFORM alpine:${V} AS a\nFROM a\nCOPY --from=nginx:1 /x \\\n  /y\n",
        "[Container]\nImage=quay.io/a/b:1\nPodmanArgs=--x\n[Image]\nImage=docker://r/a\n",
    ]

    static let requests = [
        "GET /v1.50/images/json?filters=%7B%7D HTTP/1.1\r\nHost: docker\r\nUser-Agent: x\r\n\r\n",
        "POST /images/create?fromImage=a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n",
        "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n{}",
        "\r\nHEAD /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    static let words = [
        "\"", "{", "[", "]", "}", ",", ":", "\\u0000", "\\ud800", "\u{FEFF}", "99999999999999999999", "-1", "1e400",
        "/",
        "@", "%", "%00", "\0", "é", "null", "--", "__", "..", "=", ";", " ", "\t", "\r\n", "\n", "sha256:", "Bearer ",
        "9223372036854775807", "-9223372036854775808", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
    ]

    /// Files of the corpus's folder of manifests, or nothing.
    static func corpus(_ folder: String, from file: String = #filePath) -> [[UInt8]] {
        guard CorpusFiles.isPresent(from: file) else { return [] }
        let names = (try? CorpusFiles.names(in: folder, from: file)) ?? []
        let files = names.prefix(60).compactMap { try? CorpusFiles.bytes("\(folder)/\($0)", from: file) }
        return files.filter { $0.count < 32 << 10 }
    }
}
