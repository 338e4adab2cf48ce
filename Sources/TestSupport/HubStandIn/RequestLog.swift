public import OCI

/// What a request asked for.
public enum EndpointKind: String, Sendable, CaseIterable {
    /// `/v2/`
    case ping
    /// The realm, `/token`
    case token
    case manifest
    /// A blob at the registry, which may be redirected.
    case blob
    case tags
    case referrers
    /// A blob at its signed URL.
    case cdn
    case other
}

/// One request and what became of it.
public struct RequestRecord: Sendable {
    /// In the order of arrival, from 0.
    public var number: Int
    /// Which connection it came on, from 0.
    public var connection: Int
    public var kind: EndpointKind
    /// The Host header without the port.
    public var host: String
    public var method: String
    /// Without the query.
    public var path: String
    public var repository: String?
    /// Tag or digest, as it was asked for.
    public var reference: String?
    /// The Range header.
    public var range: String?
    /// The scheme of the Authorization header, in lower case: `bearer`, `basic`.
    public var authorization: String?
    public var userAgent: String?
    public var accept: [String]
    /// 0 until there is an answer, and when there was none.
    public var status = 0
    /// Bytes of the body that were given to the connection.
    public var bytesSent: Int64 = 0
    /// The exchange is over, well or not.
    public var isFinished = false

    /// Whether the request had an Authorization header.
    public var hadAuthorization: Bool { authorization != nil }
}

/// All requests that a stand-in got.
public struct RequestHistory: Sendable {
    public private(set) var records: [RequestRecord] = []
    /// Connections that were accepted.
    public internal(set) var connections = 0
    /// Connections that are open.
    public internal(set) var openConnections = 0
    /// What went wrong in the stand-in itself, such as a blob's file that cannot be read: a broken set-up.
    public internal(set) var failures: [String] = []
    private var active: [EndpointKind: Int] = [:]
    private var peaks: [EndpointKind: Int] = [:]
    /// What ``RequestLog/clear()`` has forgotten; numbers go on.
    private var forgotten = 0

    /// The most requests of a kind that were being answered at one time.
    public func peak(_ kind: EndpointKind) -> Int { peaks[kind] ?? 0 }

    mutating func begin(_ record: RequestRecord) -> Int {
        var record = record
        record.number = forgotten + records.count
        records.append(record)
        active[record.kind, default: 0] += 1
        peaks[record.kind] = max(peak(record.kind), active[record.kind, default: 0])
        return record.number
    }

    mutating func change(_ number: Int, _ change: (inout RequestRecord) -> Void) {
        let index = number - forgotten
        if records.indices.contains(index) { change(&records[index]) }
    }

    mutating func end(_ number: Int, _ kind: EndpointKind) {
        active[kind, default: 1] -= 1
        change(number) { $0.isFinished = true }
    }

    mutating func clear() {
        forgotten += records.count
        records = []
        peaks = active
    }
}

/// What a stand-in was asked, for tests to look at and to wait for.
public final class RequestLog: Sendable {
    let history = Watched(RequestHistory())

    init() {}

    /// Everything so far, as one consistent reading.
    public var all: RequestHistory { history.value }

    /// The requests so far.
    public var records: [RequestRecord] { all.records }

    /// How many requests fit; what is `nil` fits all.
    public func count(
        _ kind: EndpointKind? = nil, method: String? = nil, repository: String? = nil, reference: String? = nil,
        digest: Digest? = nil, status: Int? = nil
    ) -> Int {
        let asked = digest?.description ?? reference
        return records.count { record in
            (kind == nil || record.kind == kind) && (method == nil || record.method == method)
                && (repository == nil || record.repository == repository)
                && (asked == nil || record.reference == asked) && (status == nil || record.status == status)
        }
    }

    /// How many requests fit `condition`.
    public func count(where condition: (RequestRecord) -> Bool) -> Int { records.count(where: condition) }

    /// Body bytes sent in answers of a kind, or of all.
    public func bytesSent(_ kind: EndpointKind? = nil) -> Int64 {
        records.reduce(0) { $0 + (kind == nil || $1.kind == kind ? $1.bytesSent : 0) }
    }

    /// Forgets the requests so far.
    public func clear() { history.update { $0.clear() } }

    /// Waits until `condition` holds for the history.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func wait(
        for what: String = "a request", timeout: Duration = .seconds(30),
        until condition: @escaping @Sendable (RequestHistory) -> Bool
    ) async throws {
        _ = try await history.wait(for: what, timeout: timeout) { condition($0) ? true : nil }
    }
}
