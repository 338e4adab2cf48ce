internal import Glibc
internal import OCI

extension DockerConfig {
    /// Writes `login` for `server` into docker's file as docker does: everything else in it stays, its mode too; a new
    /// file is for its owner only. `nil` leaves the empty entry that says a helper has it.
    /// - Parameter server: the key, as ``LoginServer/key(of:)`` gives it.
    /// - Throws: ``KeyringError/file(_:reason:)``; the file is then as it was.
    public static func store(_ login: Login?, for server: String, in path: String) throws(KeyringError) {
        let path = real(path)
        let bytes: [UInt8]?
        do { bytes = try SecretFile(path, privacy: .unchecked).read(limit: maximumSize) } catch {
            // docker takes an empty file for an empty configuration.
            guard case .file(_, "is empty") = error else { throw error }
            bytes = nil
        }
        if let bytes { _ = try DockerConfig(bytes, path: path) }
        var root: JSON
        do { root = try JSON(parsing: bytes ?? Array("{}".utf8)) } catch {
            throw .file(path, reason: "is not docker's configuration: \(reason(error))")
        }
        var auths = root["auths"] ?? .object([])
        if auths == .null { auths = .object([]) }
        auths.set(server, .object(login.map(entry) ?? []))
        root.set("auths", auths)
        try FileReplacement(path).write(tabbed(root), mode: 0o600)
    }

    private static func entry(_ login: Login) -> [JSON.Member] {
        switch login {
        case .password(let username, let password): [auth(username, password)]
        case .identityToken(let token, let username):
            (username.isEmpty ? [] : [auth(username, "")]) + [JSON.Member("identitytoken", .string(token))]
        case .registryToken(let token): [JSON.Member("registrytoken", .string(token))]
        }
    }

    private static func auth(_ username: String, _ password: String) -> JSON.Member {
        JSON.Member("auth", .string(Base64.encode(Array("\(username):\(password)".utf8))))
    }

    /// A tab for each level, as docker's `json.MarshalIndent` writes it; strings hold no raw line breaks or tabs.
    private static func tabbed(_ json: JSON) -> [UInt8] {
        let lines = json.serialized(escapeHTML: true, pretty: 1).split(separator: UInt8(ascii: "\n"))
        let indented = lines.map { line in
            let rest = line.drop { $0 == UInt8(ascii: " ") }
            return [UInt8](repeating: UInt8(ascii: "\t"), count: line.count - rest.count) + rest
        }
        return Array(indented.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// The file behind a link: dotfile managers put one there, and it must stay.
    private static func real(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }
}

extension JSON {
    /// Replaces the value of a member, in its place, or appends it. Anything but an object is left alone.
    fileprivate mutating func set(_ key: String, _ value: JSON) {
        guard case .object(var members) = self else { return }
        if let index = members.firstIndex(where: { $0.key == key }) {
            members[index].value = value
        } else {
            members.append(Member(key, value))
        }
        self = .object(members)
    }
}
