/// JSON that was checked strictly on its raw bytes; objects keep their order. Used to read and to write all of ours.
///
/// Strictness is a defence: where two parsers read one text differently, one digest has two meanings. So a text is
/// refused that any careful reader could take in two ways, and numbers keep their exact value or are refused.
///
/// Source: RFC 8259; I-JSON, RFC 7493 §2.
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// One name and value of an object.
    public struct Member: Sendable, Equatable {
        /// The name.
        public var key: String
        /// What it names.
        public var value: JSON

        /// Joins a name and its value.
        public init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// How much a text may hold before it is refused.
    public struct Limits: Sendable {
        /// Length of the text; an image config, the longest document there is, may have 8 MiB.
        public var bytes = 8 << 20
        /// Arrays and objects inside one another; real documents stay below 10, and each level costs us stack.
        public var depth = 64
        /// Values of all kinds together; each costs us about 60 bytes, whatever its length in the text.
        public var values = 200_000

        /// The limits for documents from outside.
        public init() {}
    }

    /// Parses one JSON value and nothing after it.
    /// - Throws: ``OCIError/invalidJSON(offset:reason:)`` for invalid UTF-8, a byte order mark, a lone surrogate, a
    ///   name that occurs twice in one object, an integer that does not fit 64 bits, trailing bytes, or a limit passed.
    public init(parsing bytes: some Collection<UInt8>, limits: Limits = Limits()) throws(OCIError) {
        guard bytes.count <= limits.bytes else {
            throw .invalidJSON(offset: limits.bytes, reason: "longer than \(limits.bytes) bytes")
        }
        var parser = JSONParser(bytes: Array(bytes), limits: limits)
        self = try parser.document()
    }

    /// The value of an object's member, its name compared exactly; `nil` for another name and for what is no object.
    public subscript(key: String) -> JSON? {
        members?.first { $0.key == key }?.value
    }

    /// The text, if this is a string.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The value, if this is a number written without fraction and exponent.
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    /// The value, if this is `true` or `false`.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements, if this is an array.
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// The members in order, if this is an object.
    public var members: [Member]? { if case .object(let value) = self { value } else { nil } }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
    public init(nilLiteral: ()) { self = .null }
}
