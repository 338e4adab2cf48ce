import TestSupport

/// A library to be preloaded into the daemon: it counts the storage calls on one directory, in all threads together,
/// and does something at the n-th.
///
/// Its variables: `SHIM_ROOT`, the directory; `SHIM_AT`, the number of the call, from 1; `SHIM_ACTION`: `cut` ends the
/// file system with all that is not durable and then the process, `kill` ends the process, a number is returned as the
/// call's error; `SHIM_FOR`, how many calls from there on fail so; `SHIM_ONLY`, a call's name: only those count;
/// `SHIM_NOSYNC`, syncs do nothing; `SHIM_COUNT`, a file of 8 bytes that the count is kept in.
struct Shim: Sendable {
    let library: String

    init(in directory: TemporaryDirectory) async throws {
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

        static _Atomic long local, *count = &local;
        static long at, span = 1;
        static int nosync, failure;
        static const char *root = "", *action = "", *only = "";

        __attribute__((constructor)) static void begin(void) {
            const char *text;
            if ((text = getenv("SHIM_ROOT"))) root = text;
            if ((text = getenv("SHIM_ACTION"))) action = text;
            if ((text = getenv("SHIM_ONLY"))) only = text;
            if ((text = getenv("SHIM_AT"))) at = atol(text);
            if ((text = getenv("SHIM_FOR"))) span = atol(text);
            nosync = getenv("SHIM_NOSYNC") != NULL;
            failure = atoi(action);
            if ((text = getenv("SHIM_COUNT"))) {
                int file = open(text, O_RDWR);
                void *page = file < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
                if (page != MAP_FAILED) count = page;
                if (file >= 0) close(file);
            }
        }

        static int within(const char *path) { return *root && !strncmp(path, root, strlen(root)); }

        static int open_within(int file) {
            char link[64], path[PATH_MAX];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return within(path);
        }

        /* 0 when the call is to be made. */
        static int meet(const char *name) {
            if (*only && strcmp(only, name)) return 0;
            long now = atomic_fetch_add(count, 1) + 1;
            if (!at || now < at || now >= at + span) return 0;
            if (failure) { errno = failure; return -1; }
            if (!strcmp(action, "cut")) {
                uint32_t without_flush = 2;
                int file = open(root, O_RDONLY);
                ioctl(file, _IOR('X', 125, uint32_t), &without_flush);
            }
            kill(getpid(), SIGKILL);
            for (;;) pause();
        }

        #define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(next))dlsym(RTLD_NEXT, #name)
        #define ON_PATH(name, path, parameters, arguments) \
            int name parameters { NEXT(name); if (within(path) && meet(#name)) return -1; return next arguments; }
        #define ON_FILE(type, name, parameters, arguments) \
            type name parameters { NEXT(name); if (open_within(file) && meet(#name)) return -1; return next arguments; }
        #define SYNC(name) int name(int file) { NEXT(name); if (!open_within(file)) return next(file); \
            if (meet(#name)) return -1; return nosync ? 0 : next(file); }

        ON_PATH(rename, to, (const char *from, const char *to), (from, to))
        ON_PATH(unlink, path, (const char *path), (path))
        ON_PATH(mkdir, path, (const char *path, mode_t mode), (path, mode))
        ON_PATH(rmdir, path, (const char *path), (path))
        ON_FILE(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
        ON_FILE(ssize_t, pwrite, (int file, const void *bytes, size_t length, off_t place),
            (file, bytes, length, place))
        ON_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t length, off64_t place),
            (file, bytes, length, place))
        ON_FILE(int, ftruncate, (int file, off_t length), (file, length))
        ON_FILE(int, ftruncate64, (int file, off64_t length), (file, length))
        ON_FILE(int, fallocate, (int file, int mode, off_t place, off_t length), (file, mode, place, length))
        ON_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
        SYNC(fsync)
        SYNC(fdatasync)
        """#
}
