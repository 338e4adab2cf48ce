internal import Coordination
internal import OCI

/// The tokens a stand-in has given out. Opaque: what they allow is known here only.
final class HubTokens: Sendable {
    struct Token: Sendable {
        /// Repositories that may be pulled from.
        var repositories: Set<String>
        var account: String?
        var expires: Int64
    }

    /// As long as Docker Hub's, whose JSON Web Tokens fill most of a request.
    private static let length = 2151

    private struct Contents: Sendable {
        var tokens: [String: Token] = [:]
        var identities: [String: String] = [:]
    }

    private let contents = Locked(Contents())

    func issue(_ token: Token) -> String {
        let text = Self.random()
        contents.withLock { $0.tokens[text] = token }
        return text
    }

    func token(_ text: String, now: Int64) -> Token? {
        contents.withLock { $0.tokens[text] }.flatMap { now < $0.expires ? $0 : nil }
    }

    /// An identity token: stands for the account's password in later token requests.
    func issueIdentity(of account: String) -> String {
        let text = Self.random()
        contents.withLock { $0.identities[text] = account }
        return text
    }

    func account(ofIdentity text: String) -> String? { contents.withLock { $0.identities[text] } }

    func revokeAll() { contents.withLock { $0.tokens = [:] } }

    private static func random() -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var random = SplitMix(state: .random(in: .min ... .max))
        let bytes = (0..<length).map { _ in letters[Int(random.next() % 64)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
