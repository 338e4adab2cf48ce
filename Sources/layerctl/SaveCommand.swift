internal import ArgumentParser
internal import Glibc
internal import Transport

/// `layerctl save`: what `docker save` does.
struct SaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save", abstract: "Write images to a tar archive, which docker, podman and skopeo read.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Names (a repository alone is all its tags), digests or IDs.")
    var images: [String]

    @Option(name: [.short, .long], help: ArgumentHelp("Instead of standard output.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Of multi-platform images, this one alone.", valueName: "os/arch"))
    var platform: String?

    func run() async throws {
        guard output != nil || !standardOutput.isTerminal else {
            throw Failure.local("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        }
        var query = images.map { ("names", $0) }
        if let platform { query.append(("platform", try PlatformOption.json(platform))) }
        let client = try global.client()
        guard let output else {
            return try await client.download("/images/get", query: query, into: STDOUT_FILENO)
        }
        // Under another name until it is whole, so that nobody finds half an archive.
        let draft = "\(output).\(getpid()).part"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Failure.local("cannot write \(draft): \(String(cString: strerror(errno)))") }
        do {
            try await client.download("/images/get", query: query, into: descriptor)
            guard close(descriptor) == 0, rename(draft, output) == 0 else {
                throw Failure.local("cannot write \(output): \(String(cString: strerror(errno)))")
            }
        } catch {
            unlink(draft)
            throw error
        }
    }
}
