import Coordination
import Foundation
import Logging
import ServiceLifecycle
import TestSupport
import Testing

@testable import Daemon

@Suite struct `The service manager` {
    @Test func `is told at the socket it names`() async throws {
        let directory = try TemporaryDirectory()
        let socket = try NotifySocket(path: directory.path("notify"))
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": socket.path], pid: 7)
        manager.ready("one\ntwo")
        manager.reloading()
        manager.extendTimeout(.seconds(15))
        try await socket.wait(for: "EXTEND_TIMEOUT_USEC=15000000")
        #expect(socket.lines[..<3] == ["READY=1", "STATUS=one two", "RELOADING=1"])
        let moment = try #require(socket.lines.first { $0.hasPrefix("MONOTONIC_USEC=") }?.dropFirst(15))
        #expect(abs((Int64(moment) ?? 0) - Int64(ProcessInfo.processInfo.systemUptime * 1e6)) < 60_000_000)
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "30000000"], Duration.seconds(30)),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"], .seconds(30)),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], nil),
        (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "soon"], nil), ([:], nil),
    ])
    func `wants signs of life from the process it names`(variables: [String: String], expected: Duration?) {
        #expect(ServiceManager(environment: variables, pid: 7).watchdog == expected)
    }

    @Test func `that is not there costs nothing`() {
        let manager = ServiceManager(environment: [:], pid: 7)
        #expect(!manager.isThere)
        manager.ready("serving")
        ServiceManager(environment: ["NOTIFY_SOCKET": "/no/such/socket"], pid: 7).ready("serving")
    }

    /// K15: what is told every few seconds for years.
    @Test func `is told a thousand times with no descriptor left over`() throws {
        let directory = try TemporaryDirectory()
        let socket = try NotifySocket(path: directory.path("notify"))
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": socket.path], pid: 7)
        let before = try Files.list("/proc/self/fd").count
        for _ in 0..<1000 { manager.ping() }
        // Other tests open and close some meanwhile.
        #expect(try Files.list("/proc/self/fd").count < before + 500)
    }

    /// The loop that pings goes on, but what it asks hangs: that is what a watchdog is for.
    @Test func `hears no sign of life from a daemon that hangs`() async throws {
        let directory = try TemporaryDirectory()
        let socket = try NotifySocket(path: directory.path("notify"))
        let hangs = Locked(false)
        let asked = Watched(0)
        let life = LifeService(
            manager: ServiceManager(
                environment: ["NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "60000"], pid: getpid()),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, figures: { "" },
            probe: {
                guard hangs.withLock({ $0 }) else { return }
                asked.update { $0 += 1 }
                try await Task.sleep(for: .seconds(3600))
            })
        life.ready()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await life.run() }
            try await socket.wait(for: "WATCHDOG=1", count: 3)
            hangs.withLock { $0 = true }
            // The second question comes after the first went without an answer for as long as it may.
            _ = try await asked.wait(for: "the first question that hangs") { $0 >= 1 ? true : nil }
            let before = socket.lines.count { $0 == "WATCHDOG=1" }
            _ = try await asked.wait(for: "the third question") { $0 >= 3 ? true : nil }
            #expect(socket.lines.count { $0 == "WATCHDOG=1" } == before)
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError { return }
        }
    }
}

@Suite struct `Sockets from a parent` {
    private func passed(_ variables: [String: String]) -> PassedSockets {
        var all = ["LISTEN_PID": "7"]
        all.merge(variables) { $1 }
        return PassedSockets(environment: all, pid: 7, isUnix: { $0 == 3 })
    }

    @Test func `are told apart by their names`() {
        let sockets = passed(["LISTEN_FDS": "3", "LISTEN_FDNAMES": "mirror:control:mirror"])
        #expect(sockets.control == [4] && sockets.mirror == [3, 5])
        let units = passed(["LISTEN_FDS": "2", "LISTEN_FDNAMES": "layerd-mirror.socket:layerd.socket"])
        #expect(units.control == [4] && units.mirror == [3])
    }

    @Test func `without a name are what their kind says`() {
        let sockets = passed(["LISTEN_FDS": "2"])
        #expect(sockets.control == [3] && sockets.mirror == [4])
        #expect(passed(["LISTEN_FDS": "2", "LISTEN_FDNAMES": "unknown:unknown"]) == sockets)
    }

    @Test func `meant for another process are not touched`() {
        for variables in [["LISTEN_FDS": "2", "LISTEN_PID": "8"], [:], ["LISTEN_FDS": "-1"]] {
            let sockets = passed(variables)
            #expect(sockets.control.isEmpty && sockets.mirror.isEmpty)
        }
    }
}

@Suite struct `The log` {
    /// K5: the journal hangs, or nobody reads the pipe.
    @Test func `drops lines rather than wait for a reader that does not come`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let output = LogOutput(descriptor: ends[1])
        let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
        for _ in 0..<500 { output.write(line) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let first = read(ends[0], &buffer, buffer.count)
        #expect(first > 0 && first < 500_000 && first % 1000 == 0, "\(first)")
        output.write(line)
        let count = read(ends[0], &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        #expect(text.hasPrefix("layerd: \(500 - first / 1000) log lines were dropped"), "\(text.prefix(80))")
        #expect(text.hasSuffix("xxx\n"))
    }
}
