internal import ArgumentParser

/// `layerctl completions`: a script that completes verbs and options in a shell.
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a script for a shell's completion.",
        discussion: """
            bash: layerctl completions bash > /etc/bash_completion.d/layerctl
            zsh:  layerctl completions zsh > "${fpath[1]}/_layerctl"
            fish: layerctl completions fish > ~/.config/fish/completions/layerctl.fish
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    func run() throws { standardOutput.write(text) }

    var text: String {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        return LayerctlCommand.completionScript(for: kind)
    }
}
