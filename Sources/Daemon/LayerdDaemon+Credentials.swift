internal import Glibc
internal import Keyring
internal import Logging
internal import Registry

extension LayerdDaemon {
    /// The credentials that are kept on this machine, in the order of the configuration reference.
    func keptCredentials() -> CredentialStore {
        CredentialStore(
            systemdDirectory: getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) },
            dockerConfig: DockerConfig.standardPath,
            report: { [logger] trouble in
                logger.warning("a kept credential cannot be used", metadata: ["reason": "\(trouble)"])
            })
    }
}
