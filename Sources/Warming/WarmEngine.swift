public import OCI

/// An engine of this machine that keeps images of its own, unpacked.
public enum WarmEngine: String, Sendable, CaseIterable {
    case docker, podman, containerd
}

/// Has engines take an image over from the mirror: unpacking it is most of what a user of a new image waits for.
public protocol EngineFeeder: Sendable {
    /// Returns when `engine` holds, under the image's own name, what `digest` stands for.
    /// - Throws: a ``Fault``.
    func feed(_ engine: WarmEngine, _ reference: Reference, digest: Digest, platform: Platform?) async throws
}
