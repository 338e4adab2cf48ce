internal import Glibc
import Testing

@testable import Coordination

@Suite(.timeLimit(.minutes(1))) struct `An executor with a thread of its own` {
    @Test func `runs all of an actor's work on that thread, in order`() async {
        let executor = ThreadExecutor(name: "one-thread")
        let worker = Worker(executor)
        var threads: Set<UInt> = []
        for number in 0..<100 { threads.insert(await worker.add(number)) }
        #expect(threads.count == 1)
        #expect(!threads.contains(UInt(pthread_self())))
        #expect(await worker.numbers == Array(0..<100))
    }

    @Test func `excludes its actor's callers from one another`() async {
        let worker = Worker(ThreadExecutor(name: "exclusive"))
        await withTaskGroup { group in
            for number in 0..<200 { group.addTask { _ = await worker.add(number) } }
        }
        #expect(await worker.numbers.sorted() == Array(0..<200))
    }

    @Test func `knows whether it is the one that runs now`() async {
        let executor = ThreadExecutor(name: "isolated")
        let worker = Worker(executor)
        #expect(executor.isIsolatingCurrentContext() == false)
        #expect(await worker.isIsolated())
        // Ends the process when it is not so.
        await worker.assertIsolation()
    }

    @Test func `serves several actors on the one thread`() async {
        let executor = ThreadExecutor(name: "shared")
        let first = Worker(executor)
        let second = Worker(executor)
        let threads = [await first.add(1), await second.add(1)]
        #expect(threads[0] == threads[1])
    }

    @Test func `gives its thread a name, and ends it when it is released`() async {
        var worker: Worker? = Worker(ThreadExecutor(name: "a-long-name-of-a-thread"))
        _ = await worker?.add(1)
        #expect(threadNames().contains("a-long-name-of-"))
        worker = nil
        // Ends with the test's time limit when the thread does not.
        await until { !threadNames().contains("a-long-name-of-") }
        #expect(!threadNames().contains("a-long-name-of-"))
    }
}

private actor Worker {
    private let executor: ThreadExecutor
    private(set) var numbers: [Int] = []

    init(_ executor: ThreadExecutor) { self.executor = executor }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func add(_ number: Int) -> UInt {
        numbers.append(number)
        return UInt(pthread_self())
    }

    func isIsolated() -> Bool { executor.isIsolatingCurrentContext() == true }

    func assertIsolation() {
        executor.checkIsolated()
        preconditionIsolated()
        assumeIsolated { $0.numbers.append(0) }
    }
}

/// Names of this process's threads, as the kernel shows them.
private func threadNames() -> [String] {
    var names: [String] = []
    guard let folder = opendir("/proc/self/task") else { return names }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
        let id = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let file = open("/proc/self/task/\(id)/comm", O_RDONLY)
        guard file >= 0 else { continue }
        defer { close(file) }
        var name = [UInt8](repeating: 0, count: 32)
        let count = read(file, &name, name.count)
        names.append(String(decoding: name.prefix(max(0, count - 1)), as: UTF8.self))
    }
    return names
}
