internal import GRDB
public import OCI

/// How one entry of a warm list fared when it was last looked at.
public struct WarmState: Sendable, Equatable {
    /// Of the configuration; empty for what was asked for by hand.
    public var list: String
    /// As it is written there.
    public var image: String
    /// `nil` for this machine's.
    public var platform: Platform?
    /// What it meant when it last went well.
    public var digest: Digest?
    public var checked: Timestamp
    /// When `digest` last became another.
    public var changed: Timestamp?
    /// Why it did not go well; `nil` when it did.
    public var error: String?
    /// Since it last went well.
    public var failures: Int

    public init(list: String, image: String, platform: Platform?, checked: Timestamp) {
        self.list = list
        self.image = image
        self.platform = platform
        self.checked = checked
        failures = 0
    }
}

extension Catalogue {
    /// Every entry that was ever looked at, by list and image.
    public func warmStates() async throws -> [WarmState] {
        try await read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT list, image, platform, digest, checked, checked_nanos, changed, changed_nanos, error,
                        failures
                    FROM warm ORDER BY list, image, platform
                    """)
            var states: [WarmState] = []
            let rows = try Row.fetchCursor(statement)
            while let row = try rows.next() {
                let platform = try row.text(2)
                var state = WarmState(
                    list: try row.text(0), image: try row.text(1),
                    platform: platform.isEmpty ? nil : try Platform(parsing: platform),
                    checked: try row.moment(4))
                state.digest = try row.optionalDigest(3)
                state.changed = try row.optionalMoment(6)
                state.error = try row.optionalText(8)
                state.failures = Int(try row.integer(9))
                states.append(state)
            }
            return states
        }
    }

    /// Enters how an entry fared, in the place of what was known of it.
    public func note(_ state: WarmState) async throws {
        try await write { db in
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO warm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ).execute(arguments: [
                state.list, state.image, state.platform?.description ?? "", state.digest?.description,
                state.checked.seconds, state.checked.nanoseconds, state.changed?.seconds, state.changed?.nanoseconds,
                state.error, state.failures,
            ])
        }
    }
}
