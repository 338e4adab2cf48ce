internal import NIOCore
internal import NIOHTTP1

/// One client's connection: reads requests, has them answered, and delivers the answers, well or badly.
struct HubConnection {
    /// More than any token request; nothing else has a body.
    private static let bodyLimit = 1 << 20

    let router: HubRouter
    let script: FaultScript
    let log: RequestLog
    let cuts: LinkCuts

    init(router: HubRouter, script: FaultScript, log: RequestLog) {
        self.router = router
        self.script = script
        self.log = log
        cuts = LinkCuts(every: router.options.cutsLinkEvery)
    }

    func serve(_ client: ClientChannel) async {
        let number = log.history.update { history in
            history.connections += 1
            history.openConnections += 1
            return history.connections - 1
        }
        defer { log.history.update { $0.openConnections -= 1 } }
        let line = Line(
            channel: client.channel, number: number, pace: Pace(bytesPerSecond: router.options.bytesPerSecond))
        do {
            try await client.executeThenClose { inbound, _ in try await answer(inbound, over: line) }
        } catch let error as StandInError {
            log.history.update { $0.failures.append("\(error)") }
        } catch {
            // A connection that breaks is the client's to notice; what was sent over it is in the log.
        }
    }

    private func answer(_ inbound: NIOAsyncChannelInboundStream<HTTPServerRequestPart>, over line: Line) async throws {
        var line = line
        var head: HTTPRequestHead?
        var body: [UInt8] = []
        for try await part in inbound {
            switch part {
            case .head(let new):
                head = new
                body = []
            case .body(let bytes):
                body += bytes.readableBytesView
                if body.count > Self.bodyLimit { return }
            case .end:
                guard let head, try await exchange(head, body, &line) else { return }
            }
        }
    }

    /// Answers one request; false when the connection is over.
    private func exchange(_ head: HTTPRequestHead, _ body: [UInt8], _ line: inout Line) async throws -> Bool {
        var request = HubRequest(head: head, body: body)
        let record = RequestRecord(request, connection: line.number)
        let number = log.history.update { $0.begin(record) }
        let kind = request.kind
        defer { log.history.update { $0.end(number, kind) } }
        let isFirst = line.requests == 0
        line.requests += 1
        let wait = router.options.latency + (isFirst ? router.options.connectionLatency : .zero)
        if wait > .zero { try await Task.sleep(for: wait) }
        let misbehaviours = script.misbehaviours(for: request)
        for misbehaviour in misbehaviours { misbehaviour.apply(to: &request) }
        var answer = try router.answer(request)
        for misbehaviour in misbehaviours { try misbehaviour.apply(to: &answer) }
        if !head.isKeepAlive { answer.endsConnection = true }
        let delivery = Delivery(
            answer: answer, channel: line.channel, left: line.left, log: log, number: number,
            cuts: cuts)
        return try await delivery.run(&line.pace)
    }
}

/// What lasts as long as a connection.
struct Line: Sendable {
    let channel: any Channel
    let number: Int
    var pace: Pace
    var requests = 0
    /// Opens when the connection has ended, whoever ended it.
    let left = Gate()

    init(channel: any Channel, number: Int, pace: Pace) {
        self.channel = channel
        self.number = number
        self.pace = pace
        let left = left
        channel.closeFuture.whenComplete { _ in left.open() }
    }
}

extension RequestRecord {
    init(_ request: HubRequest, connection: Int) {
        number = 0
        self.connection = connection
        kind = request.kind
        host = request.host
        method = request.method
        path = request.path
        repository = request.repository
        reference = request.reference
        range = request.header("range")
        authorization = request.authorization?.scheme
        userAgent = request.header("user-agent")
        accept = request.headers[canonicalForm: "accept"].map(String.init)
    }
}
