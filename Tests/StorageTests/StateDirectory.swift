import FoundationEssentials

/// Runs `body` with the path of a state directory that does not exist yet, and removes it after.
func withStateDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let parent = FileManager.default.temporaryDirectory.appending(path: "layerd-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(parent.appending(path: "state").path)) } catch { result = .failure(error) }
    try FileManager.default.removeItem(at: parent)
    return try result.get()
}
