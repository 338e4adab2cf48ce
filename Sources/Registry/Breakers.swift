internal import Coordination
internal import OCI
internal import Transport

/// Leaves alone for a while what failed again and again, so that a registry that is down is not stormed by all who wait
/// for it, nor waited for by each. After the pause one request is let through; if it is answered, all are.
final class Breakers: Sendable {
    /// Failures in a row after which a place is left alone. One request's retries are fewer than those of a registry; a
    /// mirror, beside which there is another place to ask, is given less patience.
    private static let patience = 8, patienceWithMirrors = 3
    private static let shortest: Duration = .seconds(2), longest: Duration = .seconds(30)

    private struct State {
        var failures = 0
        var pauses = 0
        var openUntil: Duration?
        /// The one request that finds out.
        var isProbing = false
        var reason: RegistryError.Reason?
    }

    private let places = Locked<[String: State]>([:])
    private let timeline: Timeline

    init(timeline: Timeline) { self.timeline = timeline }

    /// How long the place is to be left alone yet, and what it failed of; `nil` when it may be asked.
    func pause(_ upstream: Upstream) -> (wait: Duration, reason: RegistryError.Reason)? {
        let moment = timeline.elapsed()
        return places.withLock { places in
            guard var state = places[upstream.base.authority], let until = state.openUntil, let reason = state.reason
            else { return nil }
            if until > moment { return (until - moment, reason) }
            // Should whoever finds out be cancelled, the next does after another pause.
            state.openUntil = moment + Breakers.shortest
            state.isProbing = true
            places[upstream.base.authority] = state
            return nil
        }
    }

    /// Whether the place is left alone now, and what it failed of since it last answered.
    func health(of authority: String) -> (isOpen: Bool, reason: RegistryError.Reason?) {
        let moment = timeline.elapsed()
        return places.withLock { places in
            guard let state = places[authority] else { return (false, nil) }
            return (state.openUntil.map { $0 > moment } ?? false, state.reason)
        }
    }

    /// The place answered, or its bytes came.
    func worked(_ upstream: Upstream) { places.withLock { $0[upstream.base.authority] = nil } }

    /// The place failed.
    func failed(_ upstream: Upstream, _ reason: RegistryError.Reason) {
        guard Breakers.counts(reason, upstream.role) else {
            if reason.isAnswer { worked(upstream) }
            return
        }
        let moment = timeline.elapsed()
        let patience = upstream.role == .mirror ? Breakers.patienceWithMirrors : Breakers.patience
        places.withLock { places in
            var state = places[upstream.base.authority] ?? State()
            state.failures += 1
            state.reason = reason
            if state.isProbing || (state.openUntil == nil && state.failures >= patience) {
                var pause = Breakers.shortest
                for _ in 0..<min(state.pauses, 8) { pause = min(pause * 2, Breakers.longest) }
                state.pauses += 1
                state.openUntil = moment + pause
                state.isProbing = false
            }
            places[upstream.base.authority] = state
        }
    }

    private static func counts(_ reason: RegistryError.Reason, _ role: Upstream.Role) -> Bool {
        switch reason {
        case .unavailable: true
        case .transport(let error):
            switch error {
            case .unreachable, .timedOut, .interrupted, .brokenReply: true
            case .untrusted: role == .mirror
            case .invalidRequest, .misconfigured, .bodyTooLarge, .shutDown, .internalFailure: false
            }
        case .mismatch: role == .mirror
        default: false
        }
    }
}

extension RegistryError.Reason {
    /// The place is well, and has said no.
    fileprivate var isAnswer: Bool {
        switch self {
        case .denied, .credentialsRefused, .notFound, .rateLimited, .refused, .redirectRefused: true
        default: false
        }
    }
}
