/// Header fields in the order they came or shall go. Names are compared without regard to ASCII letter case.
public struct ServerHeaders: Sendable, Equatable {
    /// All fields, a name as often as it came.
    public private(set) var fields: [(name: String, value: String)]

    public init(_ fields: [(String, String)] = []) {
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

    /// The value of the first field of that name.
    public func first(_ name: String) -> String? {
        fields.first { sameName($0.name, name) }?.value
    }

    /// The values of every field of that name, in order.
    public func all(_ name: String) -> [String] {
        fields.compactMap { sameName($0.name, name) ? $0.value : nil }
    }

    /// Appends a field beside those of the same name.
    public mutating func add(_ name: String, _ value: String) {
        fields.append((name: name, value: value))
    }

    /// Makes this the only field of that name.
    public mutating func set(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    /// Removes every field of that name.
    public mutating func remove(_ name: String) {
        fields.removeAll { sameName($0.name, name) }
    }

    mutating func reserve(_ count: Int) { fields.reserveCapacity(count) }

    public static func == (left: ServerHeaders, right: ServerHeaders) -> Bool {
        left.fields.elementsEqual(right.fields) { sameName($0.name, $1.name) && $0.value == $1.value }
    }
}

/// Equal but for ASCII letter case.
func sameName(_ left: String, _ right: String) -> Bool {
    let left = left.utf8
    let right = right.utf8
    return left.count == right.count && zip(left, right).allSatisfy { lowerCased($0) == lowerCased($1) }
}

func lowerCased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}
