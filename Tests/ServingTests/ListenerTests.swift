import Glibc
import Serving
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(1))) struct `A listener` {
    @Test func `makes its socket with mode and group, and removes it at the end`() async throws {
        try await withDirectory { directory in
            let path = directory + "/s"
            let group = try #require(getgrgid(getgid()).flatMap { String(cString: $0.pointee.gr_name) })
            try await withServer(Answers.echo, on: [.unix(path: path, mode: 0o620, group: group)]) { address in
                #expect(address == .unix(path: path))
                var info = stat()
                #expect(lstat(path, &info) == 0)
                #expect(info.st_mode & 0o7777 == 0o620)
                #expect(info.st_gid == getgid())
                let status = try await RawClient(address).ask(get).status
                #expect(status == 200)
            }
            #expect(entries(directory).isEmpty)
        }
    }

    @Test func `tells a handler who is at the other end`() async throws {
        let peer = Shared<PeerCredentials?>(nil)
        let handler = Answers { request in
            peer.set(request.peer)
            return ServerResponse(status: 200)
        }
        try await withDirectory { directory in
            try await withServer(handler, on: [.unix(path: directory + "/s", mode: 0o600, group: nil)]) { address in
                _ = try await RawClient(address).ask(get)
            }
        }
        #expect(peer.now?.pid == getpid() && peer.now?.uid == getuid() && peer.now?.gid == getgid())
        let count = getgroups(0, nil)
        var groups = [gid_t](repeating: 0, count: Int(count))
        #expect(getgroups(count, &groups) == count)
        #expect(peer.now?.groups.sorted() == groups.sorted())
    }

    @Test func `replaces a socket that nobody answers`() async throws {
        try await withDirectory { directory in
            let path = directory + "/s"
            try leaveStaleSocket(path)
            try await withServer(Answers.echo, on: [.unix(path: path, mode: 0o600, group: nil)]) { address in
                let client = try RawClient(address)
                #expect(try await client.ask(get).status == 200)
            }
        }
    }

    @Test func `leaves a socket alone that somebody answers`() async throws {
        try await withDirectory { directory in
            let listener = Listener.unix(path: directory + "/s", mode: 0o600, group: nil)
            try await withServer(Answers.echo, on: [listener]) { address in
                await #expect(throws: ServingError.socketInUse(path: directory + "/s")) {
                    try await HTTPServer(listeners: [listener], handler: Answers.echo).run()
                }
                let status = try await RawClient(address).ask(get).status
                #expect(status == 200)
            }
        }
    }

    @Test func `leaves alone what is no socket`() async throws {
        try await withDirectory { directory in
            let path = directory + "/s"
            close(open(path, O_CREAT | O_WRONLY, 0o600))
            await #expect(throws: ServingError.notASocket(path: path)) {
                try await HTTPServer(listeners: [.unix(path: path, mode: 0o600, group: nil)], handler: Answers.echo)
                    .run()
            }
            #expect(entries(directory) == ["s"])
        }
    }

    @Test func `does not remove a socket that took its place`() async throws {
        try await withDirectory { directory in
            let path = directory + "/s"
            try await withServer(Answers.echo, on: [.unix(path: path, mode: 0o600, group: nil)]) { _ in
                unlink(path)
                try leaveStaleSocket(path)
            }
            #expect(entries(directory) == ["s"])
        }
    }

    @Test(arguments: [
        (
            Listener.unix(path: "/tmp/" + String(repeating: "a", count: 200), mode: 0o600, group: nil),
            "not an IP address"
        ),
        (.unix(path: "/nowhere/at/all/s", mode: 0o600, group: nil), "No such file or directory"),
        (.unix(path: "/tmp/serving-no-group", mode: 0o600, group: "no-such-group"), "there is no group no-such-group"),
        (.tcp(host: "registry.example.com", port: 1), "not an IP address"),
        (.tcp(host: "127.0.0.1", port: 70_000), "not an IP"),
        (.tcp(host: "192.0.2.1", port: 0), "Cannot assign"),
        (.inherited(fd: 0), "descriptor 0 is not a listening socket"),
    ])
    func `says why it cannot listen`(listener: Listener, reason: String) async throws {
        do {
            try await HTTPServer(listeners: [.tcp(host: "127.0.0.1", port: 0), listener], handler: Answers.echo).run()
            Issue.record("it listened")
        } catch let error as ServingError { #expect(error.description.contains(reason), "\(error)") }
    }

    @Test func `is an error when its port is taken`() async throws {
        try await withServer(Answers.echo) { address in
            let port = try #require(address.port)
            await #expect(
                throws: ServingError.cannotListen(address: "127.0.0.1:\(port)", reason: "Address already in use")
            ) {
                try await HTTPServer(listeners: [.tcp(host: "127.0.0.1", port: port)], handler: Answers.echo).run()
            }
        }
    }

    @Test func `may be inherited, and reports its address`() async throws {
        try await withDirectory { directory in
            let path = directory + "/s"
            let descriptor = try boundSocket(path)
            listen(descriptor, 10)
            try await withServers(Answers.echo, on: [.inherited(fd: descriptor), .tcp(host: "127.0.0.1", port: 0)]) {
                addresses in
                #expect(addresses[0] == .unix(path: path))
                #expect(addresses[1].port ?? 0 > 0)
                #expect(addresses[1].description == "127.0.0.1:\(addresses[1].port ?? 0)")
                for address in addresses {
                    let status = try await RawClient(address).ask(get).status
                    #expect(status == 200)
                }
            }
            // Its path belongs to whoever made it.
            #expect(entries(directory) == ["s"])
        }
    }

    @Test func `speaks IPv6`() async throws {
        try await withServer(Answers.echo, on: [.tcp(host: "::1", port: 0)]) { address in
            #expect(address.description.hasPrefix("[::1]:"))
        }
    }
}

private func boundSocket(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    let done = withUnsafePointer(to: &name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard done == 0 else { throw RawClient.Failure.system("bind") }
    return descriptor
}

/// The socket file of a process that was killed.
private func leaveStaleSocket(_ path: String) throws {
    let descriptor = try boundSocket(path)
    listen(descriptor, 1)
    close(descriptor)
}
