internal import CCurl
internal import Glibc

/// One exchange while it runs. Made, changed and dropped on the curl thread only.
final class Transfer {
    let id: UInt64
    let target: Target
    let request: HTTPRequest
    let handle: EasyHandle
    private let sink: any ByteSink
    private let flow: Flow
    private var reader = HeadReader()
    private var lists: [CurlList] = []

    var continuation: CheckedContinuation<HTTPResponseHead, any Error>?
    private(set) var head: HTTPResponseHead?
    /// Bytes of the body the sink took.
    private(set) var received: Int64 = 0
    /// What ended the transfer from inside a callback: the sink's error or ours.
    private(set) var failure: (any Error)?
    /// What an address is that was not connected to.
    private(set) var refusedAddress: String?
    var isPaused = false

    init(id: UInt64, target: Target, request: HTTPRequest, handle: EasyHandle, sink: any ByteSink, flow: Flow) {
        self.id = id
        self.target = target
        self.request = request
        self.handle = handle
        self.sink = sink
        self.flow = flow
    }

    /// Sets all options, callbacks included.
    func configure(userAgent: String) throws(TransportError) {
        lists = try handle.configure(request, userAgent: userAgent)
        // INVARIANT: unretained, for `CurlClient.transfers` holds this object until `finish` has taken the handle out
        // of the multi handle, after which libcurl calls nothing for it.
        let context = Unmanaged.passUnretained(self).toOpaque()
        try handle.set(CURLOPT_HEADERDATA, pointer: context)
        try handle.set(CURLOPT_HEADERFUNCTION, call: onHeadLine)
        try handle.set(CURLOPT_WRITEDATA, pointer: context)
        try handle.set(CURLOPT_WRITEFUNCTION, call: onBody)
        try handle.set(CURLOPT_OPENSOCKETDATA, pointer: context)
        try handle.set(CURLOPT_OPENSOCKETFUNCTION, openSocket: onOpenSocket)
        try handle.set(CURLOPT_PRIVATE, pointer: UnsafeMutableRawPointer(bitPattern: UInt(id)))
    }

    /// Returns whether to go on.
    fileprivate func takeHeadLine(_ line: UnsafeRawBufferPointer) -> Bool {
        guard failure == nil else { return false }
        do throws(HeadFault) {
            guard var head = try reader.read(line) else { return true }
            head.isFromInside = handle.peer?.isInside ?? false
            // Of a connection that somebody else was allowed to open.
            guard request.options.allowInside || !head.isFromInside else {
                refusedAddress = insideRefusal
                failure = TransportError.unreachable(host: target.display, reason: insideRefusal)
                return false
            }
            self.head = head
        } catch {
            failure = TransportError.brokenReply(host: target.display, reason: error.reason)
            return false
        }
        guard let head else { return true }
        do {
            try sink.begin(head, flow: flow)
            return true
        } catch {
            failure = error
            return false
        }
    }

    /// Returns what libcurl wants of a write callback.
    fileprivate func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard failure == nil else { return 0 }
        guard head != nil else {
            failure = TransportError.brokenReply(host: target.display, reason: "its body came before its head")
            return 0
        }
        do {
            switch try sink.append(bytes.bytes) {
            case .taken:
                received += Int64(bytes.count)
                return bytes.count
            case .full:
                isPaused = true
                return Int(CURL_WRITEFUNC_PAUSE)
            }
        } catch {
            failure = error
            return 0
        }
    }

    /// Opens a socket that no program we start inherits, unless the address is one that must not be asked.
    fileprivate func openSocket(_ address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        let place = AddressKind(address)
        if !request.options.allowLinkLocal && place == .linkLocal {
            refusedAddress = "its address is link-local, which is refused"
            return CURL_SOCKET_BAD
        }
        if !request.options.allowInside && place?.isInside == true {
            refusedAddress = insideRefusal
            return CURL_SOCKET_BAD
        }
        let kind = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
        return socket(address.pointee.family, kind, address.pointee.protocol)
    }
}

// INVARIANT of the three callbacks: `context` is the transfer given in `configure`, alive as said there, and libcurl
// calls them on the curl thread, inside `curl_multi_perform` or `curl_easy_pause`.

private func onHeadLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    // INVARIANT: see above the three callbacks.
    return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeHeadLine(line) ? size * count : 0
}

private func onBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let chunk = UnsafeRawBufferPointer(start: bytes, count: size * count)
    // INVARIANT: see above the three callbacks.
    return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeBody(chunk)
}

private func onOpenSocket(
    _ context: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context, let address else { return CURL_SOCKET_BAD }
    // INVARIANT: see above the three callbacks.
    return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().openSocket(address)
}

private let insideRefusal = "its address is inside this machine's own network, where it may not lead"

extension AddressKind {
    /// `nil` for a socket that is none of the Internet's.
    fileprivate init?(_ address: UnsafePointer<curl_sockaddr>) {
        guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
        // INVARIANT: libcurl keeps `addrlen` bytes of address from `addr` on, however long `sockaddr` is declared.
        let bytes = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(address) + offset, count: Int(address.pointee.addrlen))
        switch address.pointee.family {
        case AF_INET where bytes.count >= 8: self.init(version4: bytes[4..<8])
        case AF_INET6 where bytes.count >= 24: self.init(version6: bytes[8..<24])
        default: return nil
        }
    }
}

extension EasyHandle {
    /// What the address is that the connection in use leads to; `nil` for a Unix socket.
    fileprivate var peer: AddressKind? {
        var text: UnsafeMutablePointer<CChar>?
        guard ccurl_get_string(raw, CURLINFO_PRIMARY_IP, &text) == CURLE_OK, let text else { return nil }
        var version4 = in_addr()
        if inet_pton(AF_INET, text, &version4) == 1 {
            return withUnsafeBytes(of: version4) { AddressKind(version4: $0) }
        }
        var version6 = in6_addr()
        guard inet_pton(AF_INET6, text, &version6) == 1 else { return nil }
        return withUnsafeBytes(of: version6) { AddressKind(version6: $0) }
    }
}
