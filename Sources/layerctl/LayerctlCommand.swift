// layerctl: the command line. Each verb is a file and a client of the control socket; what docker has a word for is
// printed in docker's own text.

internal import ArgumentParser
internal import Glibc

@main struct LayerctlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layerctl",
        abstract: "Talks to layerd, the layer cache of this machine.",
        discussion: """
            Exit codes: 0 done; 1 layerd or the registry refused or failed, the reason is on stderr; 2 usage; \
            3 layerd cannot be reached; 130 interrupted.
            """,
        subcommands: [
            PullCommand.self, PlanCommand.self, WarmCommand.self, ListCommand.self, InspectCommand.self,
            HistoryCommand.self, UsageCommand.self, WhyCommand.self, CompareCommand.self, RemoveCommand.self,
            TagCommand.self, PinCommand.self, UnpinCommand.self, PruneCommand.self, CollectCommand.self,
            ScrubCommand.self, SaveCommand.self, LoadCommand.self, EventsCommand.self, StatusCommand.self,
            LoginCommand.self, WireCommand.self, DoctorCommand.self, VersionCommand.self, CompletionsCommand.self,
        ])

    /// Docker's habit is to name the daemon before the verb (`docker -H … pull`); our verbs take it behind them.
    static func ordered(_ arguments: [String]) -> [String] {
        let separate = ["-H", "--host"].contains(arguments.first) && arguments.count > 2
        guard separate || (arguments.first?.hasPrefix("--host=") == true && arguments.count > 1) else {
            return arguments
        }
        let count = separate ? 2 : 1
        return [arguments[count]] + arguments.prefix(count) + arguments.dropFirst(count + 1)
    }

    /// Usage errors end with 2, as DESIGN names it; ArgumentParser's own code is 64.
    static func main() async {
        // A reader that closed its end (`layerctl ls | head`) is an error of write(2), not a reason to die unexplained.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot(ordered(Array(CommandLine.arguments.dropFirst())))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            standardError.write(failure.description + "\n")
            Glibc.exit(failure.exitCode)
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            if !text.isEmpty { (code.isSuccess ? standardOutput : standardError).write(text + "\n") }
            Glibc.exit(code == .validationFailure ? 2 : code.rawValue)
        }
    }
}

/// Why a verb ended without what it was asked for.
enum Failure: Error, CustomStringConvertible {
    /// layerd, or the registry behind it, said no. Carries its sentence.
    case refused(String)
    /// Nobody answers at the socket.
    case unreachable(String)
    /// layerd left in the middle of its answer. Carries the sentence.
    case cut(String)
    /// Something on this side. Carries the sentence.
    case local(String)
    case interrupted

    var exitCode: Int32 {
        switch self {
        case .refused, .local, .cut: 1
        case .unreachable: 3
        case .interrupted: 130
        }
    }

    var description: String {
        switch self {
        case .refused(let reason): "Error response from daemon: \(HumanText.printable(reason))"
        case .unreachable(let reason), .local(let reason): reason
        case .cut(let reason): "layerd ended before its answer did (\(reason)); is it still running?"
        case .interrupted: "interrupted"
        }
    }
}

/// Options of every verb.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp(
            "layerd's socket. (default: $LAYERD_HOST or unix:///run/layerd/layerd.sock)", valueName: "unix:///path"))
    var host: String?

    /// - Throws: a usage error for anything but a Unix socket.
    func client() throws -> DaemonClient {
        let given = host ?? getenv("LAYERD_HOST").map { String(cString: $0) } ?? "unix:///run/layerd/layerd.sock"
        guard given.hasPrefix("unix:///") else {
            throw ValidationError(
                "the host must be a Unix socket, such as unix:///run/layerd/layerd.sock, not \(given)")
        }
        return DaemonClient(socket: String(given.dropFirst("unix://".count)))
    }
}
