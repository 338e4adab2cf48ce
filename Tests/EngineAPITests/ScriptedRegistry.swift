import OCI
import Registry
import TestSupport

/// Answers as it was told to: logins by their address, documents by digest.
actor ScriptedRegistry: Resolver, Fetcher, Authenticator {
    struct Script: Sendable {
        var target: Descriptor?
        var documents: [Digest: [UInt8]] = [:]
        var refusal: (any Error)?
        var identityToken: String?
    }

    private let script: Script
    private(set) var logins: [(server: String, credential: Credential)] = []
    private(set) var asked: [(reference: Reference, credential: Credential?)] = []

    init(_ script: Script = Script()) { self.script = script }

    func logIn(to server: String, with credential: Credential) async throws -> String? {
        logins.append((server, credential))
        if let refusal = script.refusal { throw refusal }
        return script.identityToken
    }

    func resolve(_ reference: Reference, credential: Credential?) async throws -> Resolution {
        asked.append((reference, credential))
        if let refusal = script.refusal { throw refusal }
        guard let target = script.target else { throw TestFault(kind: .notFound, description: "nothing there") }
        return Resolution(descriptor: target, host: "r.example")
    }

    func tags(of repository: Repository, credential: Credential?) async throws -> [String] { [] }

    func document(
        _ descriptor: Descriptor, in repository: Repository, limit: Int, credential: Credential?
    ) async throws -> [UInt8] {
        guard let bytes = script.documents[descriptor.digest] else {
            throw TestFault(kind: .notFound, description: "no such document")
        }
        return bytes
    }

    func blob(
        _ descriptor: Descriptor, in repository: Repository, credential: Credential?, into receiver: any BlobReceiver
    ) async throws {
        throw TestFault(kind: .unsupported, description: "no blobs here")
    }
}
