import FoundationEssentials
import Glibc
import OCI
import TestSupport
import Testing

/// The control socket in somebody else's hands, as it is in systemd's: who connects while no daemon runs waits for the
/// next one.
@Suite(.serialized) struct `A daemon whose socket outlives it` {
    @Test func `is stopped and started again and again, and no client notices`() async throws {
        // A longer form, by hand: LAYERD_RESTART_SECONDS=2.
        let seconds = ProcessInfo.processInfo.environment["LAYERD_RESTART_SECONDS"].flatMap(Double.init) ?? 1
        try await withScene({ $0.bytesPerSecond = Int(300_000 / seconds) }) { scene in
            for number in 0..<20 {
                let image = try ImageFactory(seed: UInt64(60 + number)).big([120_000])
                scene.hub.content.add(image, to: "library/image\(number)")
            }
            let holder = try Holder(scene, signal: SIGTERM)
            let failures = try await withThrowingTaskGroup(of: String?.self) { group in
                for lane in 0..<4 {
                    group.addTask {
                        for number in stride(from: lane, to: 20, by: 4) {
                            let pull = try await holder.layerctl("pull", "-q", "image\(number)")
                            if pull.status != 0 { return "image\(number): \(pull.errors)" }
                        }
                        return nil
                    }
                }
                group.addTask {
                    // Until the pulls are done, which cancels it.
                    while !Task.isCancelled {
                        do { try await Task.sleep(for: .seconds(seconds)) } catch { return nil }
                        try await holder.end()
                    }
                    return nil
                }
                var failures: [String] = []
                for _ in 0..<4 { if let failure = try await group.next() ?? nil { failures.append(failure) } }
                group.cancelAll()
                return failures
            }
            #expect(failures == [])
            #expect(try await holder.layerctl("ls").output.split(separator: "\n").count { $0.contains("image") } == 20)
            print("20 pulls, and \(holder.deaths) restarts meanwhile")
            #expect(holder.deaths >= 2)
            try await holder.strike()
        }
    }

    /// What no request can do, as far as we know; should one, its fellows are to wait for a moment and no more.
    @Test func `aborts in the middle of a pull, and all who asked are served`() async throws {
        try await withScene({ $0.bytesPerSecond = 2_000_000 }) { scene in
            scene.hub.content.add(try ImageFactory(seed: 59).big([3_000_000]), to: "library/image")
            let holder = try Holder(scene, signal: SIGABRT)
            #expect(try await holder.layerctl("ls").status == 0)
            async let pull = holder.layerctl("pull", "image")
            try await scene.hub.log.wait(for: "1 MB") { history in
                history.records.contains { $0.kind == .cdn && $0.bytesSent >= 1_000_000 }
            }
            try await holder.end()
            let began = ContinuousClock.now
            #expect(try await holder.layerctl("ls").status == 0)
            #expect(ContinuousClock.now - began < .seconds(10))
            let result = try await pull
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.errors.contains("goes on when it is back") && holder.deaths == 1)
            try await holder.strike()
        }
    }

    /// K15: the same work over and over leaves no more descriptors, threads or memory in use than at first.
    @Test func `is of the same size after much work`() async throws {
        try await withScene { scene in
            func work() async throws {
                #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
                _ = try await scene.daemon.get("/v1.50/system/df")
                #expect(try await scene.daemon.layerctl("rm", "shop").status == 0)
            }
            // Until the pool has had the most connections that a pull needs at once.
            for _ in 0..<12 { try await work() }
            let before = try Size(of: scene.daemon.process.pid)
            for _ in 0..<16 { try await work() }
            // Connections that are kept for a while come and go; threads that a loaded machine needed go soon.
            let after = try await before.reached(by: scene.daemon.process.pid)
            #expect(after.descriptors <= before.descriptors + 4, "\(before) \(after)")
            #expect(after.threads <= before.threads + 2, "\(before) \(after)")
        }
    }

    private struct Size: CustomStringConvertible {
        let descriptors: Int, threads: Int
        init(of pid: Int32) throws {
            descriptors = try Files.list("/proc/\(pid)/fd").count
            threads = try Files.list("/proc/\(pid)/task").count
        }
        /// What the process has once it is back at this size but for a little, or after 30 s.
        func reached(by pid: Int32) async throws -> Size {
            var now = try Size(of: pid)
            for _ in 0..<300 where now.descriptors > descriptors + 4 || now.threads > threads + 2 {
                try await Task.sleep(for: .milliseconds(100))
                now = try Size(of: pid)
            }
            return now
        }
        var description: String { "\(descriptors) descriptors, \(threads) threads" }
    }
}

/// Opens the socket, runs a daemon on it, and another one whenever that was told to end.
private final class Holder: Sendable {
    private static let script = """
        import ctypes, os, signal, socket, sys, time
        path, number, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
        wanted = []
        signal.signal(signal.SIGUSR1, lambda *_: wanted.append(number))
        signal.signal(signal.SIGTERM, lambda *_: wanted.append(0))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1024)
        # What comes before the daemon is there is for it: the handlers above would swallow it in the child.
        ours = {signal.SIGTERM, signal.SIGUSR1}
        while 0 not in wanted:
            signal.pthread_sigmask(signal.SIG_BLOCK, ours)
            pid = os.fork()
            if pid == 0:
                for number in ours:
                    signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
                os.setpgid(0, 0)
                ctypes.CDLL(None).prctl(1, 9)
                os.dup2(listener.fileno(), 3)
                os.set_inheritable(3, True)
                # The runtime's own report of a crash takes a debug build half a minute.
                os.environ.update(SWIFT_BACKTRACE="enable=no")
                os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="control")
                os.execv(command[0], command)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
            while not wanted:
                time.sleep(0.01)
            os.kill(pid, wanted[0] or signal.SIGTERM)
            os.waitpid(pid, 0)
            if 0 not in wanted:
                wanted.clear()
                print("down", flush=True)
                time.sleep(0.2)
        """

    let socket: String
    private let process: RunningProcess

    /// In the place of the scene's own daemon, on a state directory of its own.
    init(_ scene: Scene, signal: Int32) throws {
        let directory = scene.daemon.directory
        socket = directory.path("held.sock")
        try Files.write(
            """
            [mirror]
            listen = []
            [registry."docker.io"]
            endpoint = "\(scene.hub.endpoint)"
            ca = "\(scene.hub.caFile ?? "")"
            """, to: directory.path("held.toml"))
        process = try RunningProcess(
            "python3",
            [
                "-c", Self.script, socket, "\(signal)", DaemonUnderTest.products + "/layerd", "--config",
                directory.path("held.toml"), "--state-dir", directory.path("held"),
            ])
    }

    var deaths: Int { process.state.outputText.split(separator: "\n").count }

    /// Ends the daemon, and returns before the next is there.
    func end() async throws {
        try await isThere()
        let before = deaths
        process.signal(SIGUSR1)
        _ = try await process.wait(for: "the daemon's end") { state in
            state.outputText.split(separator: "\n").count > before ? true : nil
        }
    }

    func layerctl(_ arguments: String...) async throws -> ProcessResult {
        try await isThere()
        return try await runProcess(
            DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(socket)"] + arguments, timeout: .seconds(60))
    }

    /// With the socket the script has its signal handlers.
    private func isThere() async throws {
        for _ in 0..<500 where Files.size(socket) == nil { try await Task.sleep(for: .milliseconds(10)) }
    }

    func strike() async throws { _ = try await process.stop(grace: .seconds(20)) }
}
