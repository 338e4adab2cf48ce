internal import Serving

/// Who may do what on a control socket that two groups can reach. The kernel says who asks, so nobody can pretend.
struct ControlAccess: Sendable, Equatable {
    enum Right: Int, Sendable, Comparable {
        case nothing, reading, everything
        static func < (left: Right, right: Right) -> Bool { left.rawValue < right.rawValue }
    }

    /// The daemon's own user, who like root may do everything.
    var owner: UInt32
    /// The members of this group may do everything; `nil` when the machine has no such group.
    var group: UInt32?
    /// The members of this group may look at things.
    var readGroup: UInt32

    func right(of peer: PeerCredentials?) -> Right {
        guard let peer else { return .nothing }
        if peer.uid == 0 || peer.uid == owner { return .everything }
        if let group, peer.isMember(of: group) { return .everything }
        return peer.isMember(of: readGroup) ? .reading : .nothing
    }

    /// What a request takes. Checking credentials (`docker login`) changes nothing here.
    static func needed(method: String, path: String) -> Right {
        let isLogin = path == "/auth" || (path.hasPrefix("/v1.") && path.dropFirst(4).drop { $0.isNumber } == "/auth")
        return method == "GET" || method == "HEAD" || isLogin ? .reading : .everything
    }

    /// Why a request is refused, for its sender; `nil` when it is not.
    func refusal(of request: ServerRequest) -> String? {
        let right = right(of: request.peer)
        guard right < Self.needed(method: request.method, path: request.path) else { return nil }
        let who = request.peer.map { "user \($0.uid)" } ?? "an unknown user"
        return right == .reading
            ? "permission denied: \(who) may look at layerd but not change anything; membership of the group in "
                + "[control] group allows it"
            : "permission denied: \(who) is in neither of the groups in [control] group and read-group"
    }
}
