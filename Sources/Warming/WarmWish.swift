// Warming: keeps chosen images here before anybody asks for them. Reads what names images (lists, Compose, Kubernetes,
// Dockerfiles, Quadlet units), says what it would cost, brings it at low priority, and remembers how each entry fared.

public import OCI

/// One image that somebody wants to be here: as it was written, and for which platform.
public struct WarmWish: Sendable, Hashable {
    /// A reference whose tag may be a range: `redis:7.*`.
    public var image: String
    /// `nil` for this machine's.
    public var platform: Platform?

    public init(image: String, platform: Platform? = nil) {
        self.image = image
        self.platform = platform
    }
}

/// What a file asks for.
public struct WarmWishes: Sendable, Equatable {
    /// In the order of the file, each once.
    public private(set) var wishes: [WarmWish] = []
    /// What names an image and cannot be used, and why, one sentence each.
    public private(set) var problems: [String] = []

    mutating func add(_ image: String, platform: String? = nil) {
        let image = image.trimmed
        guard !image.isEmpty else { return }
        do {
            _ = try WarmName(image)
            let wish = WarmWish(image: image, platform: try platform.map { try Platform(parsing: $0.trimmed) })
            if !wishes.contains(wish) { wishes.append(wish) }
        } catch {
            problems.append("\(error)")
        }
    }

    mutating func complain(_ sentence: String) { problems.append(sentence) }
}

/// What is wrong with something that was to be warmed.
public enum WarmError: Fault, Equatable {
    case invalidRange(String)
    /// No tag of the repository fits.
    case noTagFits(String)
    case unknownList(String, known: [String])
    case unreadable(file: String, reason: String)
    case nothingToDo
    case invalidSchedule(String)
    case invalidWindow(String)
    /// The image is here, and engines that were to have it have it not.
    case notFed([WarmEngine], reasons: [String])

    public var kind: FaultKind {
        switch self {
        case .invalidRange, .unreadable, .nothingToDo, .invalidSchedule, .invalidWindow: .invalidInput
        case .noTagFits, .unknownList: .notFound
        case .notFed: .unavailable(retryAfter: nil)
        }
    }

    public var description: String {
        switch self {
        case .invalidRange(let text): "\(text) is no reference, and its tag no range such as 7.*, ^1.2 or ~1.2.3"
        case .noTagFits(let text): "the registry has no tag that fits \(text)"
        case .unknownList(let name, let known):
            "there is no warm list and no image \(name)"
                + (known.isEmpty
                    ? "; the configuration has no [warm.NAME]" : "; lists: \(known.joined(separator: ", "))")
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .nothingToDo: "nothing to warm: name a list, an image, or a file with -f"
        case .invalidSchedule(let text):
            "\"\(text)\" is no calendar expression such as \"daily\" or \"Mon..Fri 03:00\"; try: "
                + "systemd-analyze calendar"
        case .invalidWindow(let text): "\"\(text)\" is no window such as \"22:00-06:00\" or \"Sat,Sun 00:00-24:00\""
        case .notFed(let engines, let reasons):
            zip(engines, reasons).map { "\($0.rawValue) does not have it: \($1)" }.joined(separator: "; ")
        }
    }
}

extension StringProtocol {
    /// Without blanks at both ends.
    var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
