/// layerd's own version, as `layerd --version`, `layerctl version` and the sockets tell it.
public enum Version {
    public static let current = "0.1.0"
    /// What it was built from, as far as the build knows: sources carry no commit.
    static let commit = "n/a"
}
