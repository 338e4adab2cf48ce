import Glibc
import TestSupport

/// What the shim does at which storage calls.
struct Trap: Sendable {
    enum Action: Sendable, Equatable {
        /// Only counts.
        case nothing
        /// Ends the file system with all that is not durable, and then the process.
        case cut
        /// Ends the process: instead of the call, or when it is done.
        case kill, killAfter
        /// Makes the call wait until the trap is taken away.
        case hold
        /// Writes half of what it was to write, or says that it wrote and writes nothing.
        case short, lie
        /// Fails with this error.
        case fail(Int32)

        fileprivate var word: String {
            switch self {
            case .nothing: ""
            case .killAfter: "after"
            case .fail(let code): "\(code)"
            default: "\(self)"
            }
        }
    }

    var action: Action = .nothing
    /// The number of the call, from 1, and how many calls from there on are concerned.
    var at = 1, span = 1
    /// A call's name: only those count. Reads count when they are asked for by name only.
    var only = ""
    /// A part of the file's name: only calls on such files count.
    var part = ""

    /// As the shim reads it: three longs, then texts that end with a zero.
    fileprivate var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for number in [0, action == .nothing ? 0 : at, span] {
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        for (text, length) in [(action.word, 16), (only, 16), (part, 208)] {
            precondition(text.utf8.count < length, "no room for \(text)")
            bytes += Array(text.utf8) + [UInt8](repeating: 0, count: length - text.utf8.count)
        }
        return bytes
    }
}

/// A library to be preloaded into the daemon: it counts the storage calls on one directory, in all threads together,
/// and does what the trap says, which may be set while the daemon runs.
///
/// Its variables: `SHIM_ROOT`, the directory; `SHIM_PLAN`, a file with the count and the trap; `SHIM_NOSYNC`, syncs do
/// nothing.
struct Shim: Sendable {
    let library: String
    private let plan: String

    /// What the daemon is started with so that the shim looks after `root`.
    func environment(root: String, syncs: Bool) -> [String: String] {
        let variables = ["LD_PRELOAD": library, "SHIM_ROOT": root, "SHIM_PLAN": plan]
        return syncs ? variables : variables.merging(["SHIM_NOSYNC": "1"]) { $1 }
    }

    /// Sets a trap, and counts from 0 again. The file stays as long as it is: a process may have it mapped.
    func set(_ trap: Trap) throws {
        let file = open(plan, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StandInError.file("write", path: plan, errno: errno) }
        defer { close(file) }
        // The number last: a call that comes in between meets no trap.
        let bytes = trap.bytes
        let idle = [UInt8](repeating: 0, count: 16)
        guard pwrite(file, idle, 16, 0) == 16, pwrite(file, Array(bytes[16...]), bytes.count - 16, 16) > 0,
            pwrite(file, Array(bytes[8..<16]), 8, 8) == 8
        else { throw StandInError.file("write", path: plan, errno: errno) }
    }

    /// How many storage calls were counted since the trap was set.
    var count: Int {
        get throws {
            try Files.read(plan).prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        }
    }

    init(in directory: TemporaryDirectory) async throws {
        plan = directory.path("plan")
        let source = directory.path("shim.c")
        library = directory.path("shim.so")
        try Files.write(Self.source, to: source)
        let compiler = which("cc") ?? which("gcc") ?? "clang"
        try await runChecked(compiler, ["-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"])
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <limits.h>
        #include <signal.h>
        #include <stdatomic.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/ioctl.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <unistd.h>

        struct plan { _Atomic long count, at, span; char action[16], only[16], part[208]; };
        static struct plan none, *plan = &none;
        static const char *root = "";
        static int nosync;

        __attribute__((constructor)) static void begin(void) {
            const char *text;
            if ((text = getenv("SHIM_ROOT"))) root = text;
            nosync = getenv("SHIM_NOSYNC") != NULL;
            if ((text = getenv("SHIM_PLAN"))) {
                int file = open(text, O_RDWR | O_CLOEXEC);
                void *page = file < 0 ? MAP_FAILED
                    : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
                if (page != MAP_FAILED) plan = page;
                if (file >= 0) close(file);
            }
        }

        static int within(const char *path) {
            return *root && !strncmp(path, root, strlen(root)) && (!*plan->part || strstr(path, plan->part));
        }

        static int open_within(int file) {
            char link[64], path[PATH_MAX];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return within(path);
        }

        static void end(void) {
            kill(getpid(), SIGKILL);
            for (;;) pause();
        }

        enum { MAKE, FAIL, END_AFTER, SHORTEN, LIE };

        /* What is to become of the call. */
        static int meet(const char *name) {
            if (*plan->only ? strcmp(plan->only, name) : !strcmp(name, "pread")) return MAKE;
            long now = atomic_fetch_add(&plan->count, 1) + 1, at = plan->at;
            const char *action = plan->action;
            if (!at || now < at || now >= at + plan->span) return MAKE;
            if (atoi(action)) { errno = atoi(action); return FAIL; }
            if (!strcmp(action, "hold")) { while (plan->at) usleep(1000); return MAKE; }
            if (!strcmp(action, "short")) return SHORTEN;
            if (!strcmp(action, "lie")) return LIE;
            if (!strcmp(action, "after")) return END_AFTER;
            if (!strcmp(action, "cut")) {
                uint32_t without_flush = 2;
                int file = open(root, O_RDONLY);
                ioctl(file, _IOR('X', 125, uint32_t), &without_flush);
            }
            end();
            return FAIL;
        }

        #define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(next))dlsym(RTLD_NEXT, #name)
        #define ON_PATH(name, path, parameters, arguments) \
            int name parameters { NEXT(name); int what = within(path) ? meet(#name) : MAKE; \
                if (what == FAIL) return -1; \
                int answer = next arguments; if (what == END_AFTER) end(); return answer; }
        #define ON_FILE(type, name, parameters, arguments) \
            type name parameters { NEXT(name); int what = open_within(file) ? meet(#name) : MAKE; \
                if (what == FAIL) return -1; \
                type answer = next arguments; if (what == END_AFTER) end(); return answer; }
        #define ON_WRITE(name, offset_type) \
            ssize_t name(int file, const void *bytes, size_t length, offset_type place) { \
                NEXT(name); int what = open_within(file) ? meet(#name) : MAKE; \
                if (what == FAIL) return -1; \
                if (what == LIE) return length; \
                ssize_t done = next(file, bytes, what == SHORTEN ? (length + 1) / 2 : length, place); \
                if (what == END_AFTER) end(); return done; }
        #define SYNC(name) int name(int file) { NEXT(name); if (!open_within(file)) return next(file); \
            int what = meet(#name); if (what == FAIL) return -1; \
            int answer = nosync ? 0 : next(file); if (what == END_AFTER) end(); return answer; }

        ON_PATH(rename, to, (const char *from, const char *to), (from, to))
        ON_PATH(unlink, path, (const char *path), (path))
        ON_PATH(mkdir, path, (const char *path, mode_t mode), (path, mode))
        ON_PATH(rmdir, path, (const char *path), (path))
        ON_FILE(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
        ON_WRITE(pwrite, off_t)
        ON_WRITE(pwrite64, off64_t)
        ON_FILE(ssize_t, pread, (int file, void *bytes, size_t length, off_t place), (file, bytes, length, place))
        ON_FILE(int, ftruncate, (int file, off_t length), (file, length))
        ON_FILE(int, ftruncate64, (int file, off64_t length), (file, length))
        ON_FILE(int, fallocate, (int file, int mode, off_t place, off_t length), (file, mode, place, length))
        ON_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
        SYNC(fsync)
        SYNC(fdatasync)
        """#
}
