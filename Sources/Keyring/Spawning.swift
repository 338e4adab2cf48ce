internal import CSpawn
internal import Glibc

/// Starts programs that get nothing of this process but what they are given.
public enum Spawning {
    /// Why a program was not started.
    public enum Failure: Error, Equatable {
        /// There is no such program.
        case absent
        /// The number of the error.
        case system(Int32)

        /// The end of a sentence.
        public var reason: String {
            switch self {
            case .absent: "no such program"
            case .system(let code): String(cString: strerror(code))
            }
        }
    }

    /// In place of a descriptor: what is written there is gone.
    public static let nowhere: Int32 = -1

    /// Starts `program`, a path or a name that is looked up on `PATH`. It leads a process group, has an empty signal
    /// mask and default signal handlers, and holds no descriptor but the three of `standard`, as 0, 1 and 2: sockets of
    /// ours that are not marked close-on-exec, as NIO's, are closed between fork and exec, so none that another thread
    /// opens meanwhile is missed.
    /// - Parameter environment: `nil` is this process's.
    /// - Returns: its number, which the caller has to wait for.
    public static func start(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil, standard: [Int32]
    ) throws(Failure) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in standard.enumerated() {
            if descriptor == nowhere {
                posix_spawn_file_actions_addopen(&actions, Int32(number), "/dev/null", O_WRONLY, 0)
            } else {
                posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
            }
        }
        let isClosing = cspawn_close_from(&actions, Int32(standard.count))
        guard isClosing == 0 else { throw .system(isClosing) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        setSignals(&attributes)
        let words = [program] + arguments
        var pid: pid_t = 0
        let code = withCStrings(words) { words in
            guard let environment else { return posix_spawnp(&pid, program, &actions, &attributes, words, environ) }
            return withCStrings(environment.map { "\($0.key)=\($0.value)" }) {
                posix_spawnp(&pid, program, &actions, &attributes, words, $0)
            }
        }
        guard code == 0 else { throw code == ENOENT ? .absent : .system(code) }
        return pid
    }

    private static func setSignals(_ attributes: inout posix_spawnattr_t) {
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
    // INVARIANT: the copies are freed after `body` has returned; posix_spawn keeps none of its arguments.
    var copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { copies.forEach { free($0) } }
    return copies.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map(body) ?? EINVAL
    }
}
