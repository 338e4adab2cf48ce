internal import GRDB
internal import OCI

/// Columns by position, without GRDB's subscripts: those trap where a damaged file has no value.
extension Row {
    func integer(_ column: Int) throws -> Int64 { try decode(Int64.self, atIndex: column) }

    func optionalInteger(_ column: Int) throws -> Int64? { try decode(Int64?.self, atIndex: column) }

    func text(_ column: Int) throws -> String { try decode(String.self, atIndex: column) }

    func optionalText(_ column: Int) throws -> String? { try decode(String?.self, atIndex: column) }

    func digest(_ column: Int) throws -> Digest { try Digest(parsing: text(column)) }

    func optionalDigest(_ column: Int) throws -> Digest? { try optionalText(column).map { try Digest(parsing: $0) } }

    /// Of two columns, the second its nanoseconds.
    func optionalMoment(_ column: Int) throws -> Timestamp? {
        guard let seconds = try optionalInteger(column) else { return nil }
        let nanoseconds = try integer(column + 1)
        guard 0..<1_000_000_000 ~= nanoseconds else { throw Damage(reason: "a moment with \(nanoseconds) nanoseconds") }
        return Timestamp(seconds: seconds, nanoseconds: Int32(nanoseconds))
    }

    func moment(_ column: Int) throws -> Timestamp {
        guard let moment = try optionalMoment(column) else { throw Damage(reason: "a moment is missing") }
        return moment
    }

    func choice<Choice: RawRepresentable<String>>(_ column: Int) throws -> Choice {
        let text = try text(column)
        guard let choice = Choice(rawValue: text) else { throw Damage(reason: "\(text) is none of \(Choice.self)") }
        return choice
    }

    func json(_ column: Int) throws -> JSON? {
        try optionalText(column).map { try JSON(parsing: $0.utf8) }
    }

    func descriptor(_ column: Int) throws -> Descriptor? {
        try json(column).map { try Descriptor($0, in: "catalogue") }
    }
}
