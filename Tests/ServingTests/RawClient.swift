import Dispatch
import Glibc
import Serving

/// A client that says exactly what it is told, over a blocking socket. Threads of its own wait for the socket, so that
/// it can send and receive at once and never blocks the threads that the handlers need.
final class RawClient: Sendable {
    struct Response: Equatable {
        var status = 0
        var fields: [String] = []
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }

        func field(_ name: String) -> String? {
            fields.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { String($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
        }
    }

    enum Failure: Error, Equatable {
        case system(String)
        /// The server closed before the end.
        case closedEarly
        case reset
        case notHTTP(String)
    }

    private let descriptor: Int32
    private let sender = DispatchQueue(label: "raw client sends")
    private let receiver = DispatchQueue(label: "raw client receives")
    private let isOpen = Shared(true)
    private let unread = Shared<[UInt8]>([])

    /// - Parameter receiveBuffer: bytes the kernel may hold for a client that does not read.
    init(_ address: BoundAddress, receiveBuffer: Int32? = nil) throws {
        switch address {
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            try RawClient.connect(descriptor, &name)
        case .tcp(_, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = in_port_t(port).bigEndian
            name.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            try RawClient.connect(descriptor, &name)
        }
        // Nothing here takes long; a test that waits in vain shall fail and not hang.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    func close() {
        if isOpen.exchange(false) { Glibc.close(descriptor) }
    }

    /// Says that nothing more will be sent; goes on reading.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        try await on(sender) { [self] in
            var sent = 0
            while sent < bytes.count {
                let piece = Array(bytes[sent...].prefix(1 << 20))
                let count = Glibc.send(descriptor, piece, piece.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { throw Failure.system("send: \(String(cString: strerror(errno)))") }
                sent += count
            }
        }
    }

    /// Sends up to `most` bytes until the socket has taken none for half a second. Returns how many it took.
    func sendWhileTaken(most: Int) async throws -> Int {
        try await on(sender) { [self] in
            let piece = [UInt8](repeating: 65, count: 1 << 20)
            var sent = 0
            while sent < most {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&wait, 1, 500) > 0 else { return sent }
                let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                let count = Glibc.send(descriptor, piece, min(piece.count, most - sent), flags)
                guard count > 0 || errno == EAGAIN else { throw Failure.system(String(cString: strerror(errno))) }
                sent += max(0, count)
            }
            return sent
        }
    }

    /// Some bytes, at least one; empty at the end.
    func receive(_ most: Int = 1 << 16) async throws -> [UInt8] {
        try await on(receiver) { [self] in
            let held = unread.exchange([])
            if !held.isEmpty { return held }
            var bytes = [UInt8](repeating: 0, count: most)
            let count = recv(descriptor, &bytes, most, 0)
            if count < 0 {
                throw errno == ECONNRESET ? Failure.reset : Failure.system(String(cString: strerror(errno)))
            }
            return Array(bytes.prefix(count))
        }
    }

    /// Everything until the server closes.
    func receiveAll() async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await receive()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// One response, framed strictly.
    func response(toHead: Bool = false) async throws -> Response {
        var response = Response()
        let lines = String(decoding: try await take(through: "\r\n\r\n"), as: UTF8.self).split(separator: "\r\n").map(
            String.init)
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
        else {
            throw Failure.notHTTP(lines.first ?? "")
        }
        response.status = status
        response.fields = Array(lines.dropFirst())
        if toHead || status < 200 || status == 204 || status == 304 { return response }
        if response.field("transfer-encoding") == "chunked" {
            while let size = Int(
                String(decoding: try await take(through: "\r\n").dropLast(2), as: UTF8.self), radix: 16)
            {
                response.body += try await take(size)
                guard try await take(2) == Array("\r\n".utf8) else { throw Failure.notHTTP("chunk") }
                if size == 0 { return response }
            }
            throw Failure.notHTTP("chunk size")
        }
        if let length = response.field("content-length").flatMap({ Int($0) }) {
            response.body = try await take(length)
        } else {
            response.body = try await receiveAll()
        }
        return response
    }

    /// Sends and reads the answer.
    func ask(_ text: String) async throws -> Response {
        try await send(text)
        return try await response(toHead: text.hasPrefix("HEAD"))
    }

    /// True when the server has closed and nothing more comes.
    func isClosedByServer() async throws -> Bool { try await receive().isEmpty }

    private func take(through mark: String) async throws -> [UInt8] {
        var taken: [UInt8] = []
        let mark = Array(mark.utf8)
        while !taken.reversed().starts(with: mark.reversed()) { taken += try await take(1) }
        return taken
    }

    private func take(_ count: Int) async throws -> [UInt8] {
        var taken: [UInt8] = []
        while taken.count < count {
            let bytes = try await receive(max(count - taken.count, 4096))
            if bytes.isEmpty { throw Failure.closedEarly }
            let wanted = min(bytes.count, count - taken.count)
            taken += bytes.prefix(wanted)
            unread.set(Array(bytes.dropFirst(wanted)))
        }
        return taken
    }

    private func on<R: Sendable>(_ thread: DispatchQueue, _ work: @escaping @Sendable () throws -> R) async throws -> R
    {
        try await withCheckedThrowingContinuation { continuation in
            thread.async { continuation.resume(with: Result { try work() }) }
        }
    }

    private static func connect<Name>(_ descriptor: Int32, _ name: inout Name) throws {
        let done = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
            }
        }
        guard done == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(descriptor)
            throw Failure.system("connect: \(reason)")
        }
    }
}
