internal import CCurl
internal import Glibc

/// A request body that is read from a file as it is sent, to the file's end, in chunks of HTTP/1.1.
///
/// Reading waits for the file, and with it every transfer of the client: for clients that do nothing else meanwhile.
public final class FileBody: Sendable {
    // INVARIANT (unsafe): never reassigned; read by libcurl's thread during the one transfer it belongs to, and closed
    // when nothing refers to it any more.
    nonisolated(unsafe) private let file: UnsafeMutablePointer<FILE>

    /// - Parameter descriptor: open for reading; a copy of it is kept.
    /// - Returns: `nil` when it cannot be read.
    public init?(descriptor: Int32) {
        let copy = dup(descriptor)
        guard copy >= 0, let file = fdopen(copy, "r") else {
            if copy >= 0 { close(copy) }
            return nil
        }
        self.file = file
    }

    deinit { fclose(file) }

    /// libcurl's own way of reading a body, when it is not told another, is `fread` of a `FILE`.
    func attach(to handle: EasyHandle) throws(TransportError) {
        try handle.set(CURLOPT_POST, true)
        try handle.set(CURLOPT_READDATA, pointer: file)
    }
}
