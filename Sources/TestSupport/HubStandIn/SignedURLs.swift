internal import Hashing
internal import OCI

/// Makes and judges the CDN's URLs: path, Expires, Signature and Key-Pair-Id, as CloudFront's.
struct SignedURLs: Sendable {
    static let prefix = "/registry-v2/docker/registry/v2/blobs/"
    private static let keyPair = "K1STANDIN2LAYERD"

    enum Judgement {
        case good, expired, forged
    }

    private let secret = String(UInt64.random(in: .min ... .max), radix: 16)

    /// Path and query of a blob's URL.
    /// - Parameter expires: seconds since 1970.
    func target(_ digest: Digest, expires: Int64) -> String {
        let path = "\(Self.prefix)\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)/data"
        return "\(path)?Expires=\(expires)&Signature=\(signature(path, expires))&Key-Pair-Id=\(Self.keyPair)"
    }

    func judge(_ request: HubRequest, now: Int64) -> Judgement {
        let value = { (name: String) in request.query.first { $0.name == name }?.value }
        guard let expires = value("Expires").flatMap(Int64.init), value("Key-Pair-Id") == Self.keyPair,
            value("Signature") == signature(request.path, expires)
        else { return .forged }
        return now < expires ? .good : .expired
    }

    private func signature(_ path: String, _ expires: Int64) -> String {
        Digest.sha256(of: Array("\(secret) \(path) \(expires)".utf8)).hex
    }
}
