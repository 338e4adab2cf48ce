import Serving
import Testing

@testable import Daemon

@Suite struct `On a control socket with a group that may read` {
    private let access = ControlAccess(owner: 300, group: 400, readGroup: 500)

    private func peer(_ uid: UInt32, _ gid: UInt32 = 100, _ groups: [UInt32] = []) -> PeerCredentials {
        PeerCredentials(pid: 1, uid: uid, gid: gid, groups: groups)
    }

    @Test func `root, the daemon's user and the first group may do everything, the other reads`() {
        #expect(access.right(of: peer(0)) == .everything)
        #expect(access.right(of: peer(300)) == .everything)
        #expect(access.right(of: peer(1000, 400)) == .everything)
        #expect(access.right(of: peer(1000, 100, [7, 400])) == .everything)
        #expect(access.right(of: peer(1000, 500, [400])) == .everything)
        #expect(access.right(of: peer(1000, 500)) == .reading)
        #expect(access.right(of: peer(1000, 100, [500])) == .reading)
        #expect(access.right(of: peer(1000)) == .nothing)
        #expect(access.right(of: nil) == .nothing)
        let withoutGroup = ControlAccess(owner: 300, group: nil, readGroup: 500)
        #expect(withoutGroup.right(of: peer(1000, 400)) == .nothing)
    }

    @Test(arguments: [
        ("GET", "/v1.50/images/json", true), ("HEAD", "/_ping", true), ("POST", "/v1.50/auth", true),
        ("POST", "/v1.50/images/create", false), ("DELETE", "/images/a", false), ("POST", "/images/prune", false),
        ("POST", "/layerd/v1/pull", false), ("PUT", "/nonsense", false), ("POST", "/images/x/auth/tag", false),
    ])
    func `readers are refused what changes something`(method: String, target: String, passes: Bool) throws {
        let request = try #require(ServerRequest(method, target, peer: peer(1000, 500)))
        #expect((access.refusal(of: request) == nil) == passes)
        let outsider = try #require(ServerRequest(method, target, peer: peer(1000)))
        #expect(access.refusal(of: outsider)?.contains("user 1000 is in neither") == true)
        let member = try #require(ServerRequest(method, target, peer: peer(1000, 400)))
        #expect(access.refusal(of: member) == nil)
    }
}
