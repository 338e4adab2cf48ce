internal import Synchronization

/// A link that breaks whenever so many bytes have passed over it.
final class LinkCuts: Sendable {
    private let every: Int64?
    private let passed = Atomic<Int64>(0)

    init(every: Int64?) { self.every = every }

    /// Counts the cuts so far: an answer that sees another number than at its beginning was cut.
    var count: Int64 { every.map { passed.load(ordering: .relaxed) / max(1, $0) } ?? 0 }

    func pass(_ bytes: Int) { passed.wrappingAdd(Int64(bytes), ordering: .relaxed) }
}
