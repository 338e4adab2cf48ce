import FoundationEssentials
import Glibc
import TestSupport

/// Feeds a target with well-formed inputs that were taken apart and put together wrongly. The same rounds in every run;
/// a longer run goes further. A target that traps ends the process, so a long run writes each input down first.
struct Fuzzer {
    /// Seconds for each target: `LAYERD_FUZZ_SECONDS`, which `make fuzz` sets; without it, a moment.
    static let patience: Duration = {
        let given = ProcessInfo.processInfo.environment["LAYERD_FUZZ_SECONDS"].flatMap(Double.init)
        return given.map { .seconds($0) } ?? .milliseconds(400)
    }()
    /// The longest that one input may occupy the processor: no parser of ours costs more than its input's length.
    private static let slowest: Duration = .seconds(5)
    private static let maximumLength = 64 << 10

    struct Finding: Error, CustomStringConvertible {
        var description: String
    }

    let name: String
    let seeds: [[UInt8]]
    let words: [String]

    /// Runs `target` until the time is over.
    /// - Returns: inputs tried, and how many of them the target took for good.
    /// - Throws: what the target throws, with the input: it is expected to keep refusals to itself.
    func run(_ target: ([UInt8], inout SplitMix64) throws -> Bool) throws -> (tried: Int, taken: Int) {
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        var random = SplitMix64(seed: 0x6675_7A7A)
        var (tried, taken) = (0, 0)
        let notes = try Notes(name)
        while tried < 200 || clock.now < end {
            let input = tried < seeds.count ? seeds[tried] : mutated(&random)
            try notes?.keep(input)
            let began = Self.processorTime()
            do { if try target(input, &random) { taken += 1 } } catch {
                throw Finding(description: "\(name), input \(tried): \(error): \(shown(input))")
            }
            let cost = Self.processorTime() - began
            guard cost < Self.slowest else {
                throw Finding(description: "\(name), input \(tried) took \(cost): \(shown(input))")
            }
            tried += 1
        }
        return (tried, taken)
    }

    /// What this thread has computed so far: a machine that was busy or suspended is no finding.
    private static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// One to eight of: a bit, a byte, a piece cut, doubled, moved, taken from another seed, or a word put in.
    private func mutated(_ random: inout SplitMix64) -> [UInt8] {
        var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
        for _ in 0..<(1 << Int.random(in: 0...3, using: &random)) {
            let start = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
            let piece = start..<min(bytes.count, start + Int.random(in: 1...64, using: &random))
            switch Int.random(in: 0...7, using: &random) {
            case 0 where !bytes.isEmpty: bytes[start] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 1 where !bytes.isEmpty: bytes[start] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(piece)
            case 3: bytes.insert(contentsOf: bytes[piece], at: start)
            case 4: bytes.insert(contentsOf: bytes[piece], at: Int.random(in: 0...bytes.count, using: &random))
            case 5:
                let other = seeds[Int.random(in: 0..<seeds.count, using: &random)]
                let cut = Int.random(in: 0...other.count, using: &random)
                bytes = Array(bytes[..<start]) + other[cut...]
            case 6: bytes.replaceSubrange(piece, with: Array(words.randomElement(using: &random)?.utf8 ?? "".utf8))
            default: bytes.insert(contentsOf: Array(words.randomElement(using: &random)?.utf8 ?? "".utf8), at: start)
            }
        }
        return Array(bytes.prefix(Self.maximumLength))
    }

    private func shown(_ input: [UInt8]) -> String {
        String(reflecting: String(decoding: input.prefix(2000), as: UTF8.self))
    }
}

/// The input at hand, in a file that is written over and never closed: opening it each time would wait for the disk.
private final class Notes {
    private let file: Int32

    /// `nil` when nobody asked for notes.
    init?(_ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["LAYERD_FUZZ_INPUTS"] else { return nil }
        file = open("\(folder)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw StandInError.file("open", path: "\(folder)/\(name)", errno: errno) }
    }

    deinit { close(file) }

    func keep(_ input: [UInt8]) throws {
        guard pwrite(file, input, input.count, 0) == input.count, ftruncate(file, off_t(input.count)) == 0 else {
            throw StandInError.file("write", path: "the input at hand", errno: errno)
        }
    }
}

/// What a target must hold to, and did not.
struct Broken: Error {
    var what: String
}

func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    guard condition else { throw Broken(what: what()) }
}

func utf8(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

/// The same numbers in every run.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
