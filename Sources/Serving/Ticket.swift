/// One wait of a task for the loop of its connection. It is cancelled on the loop, before or after the loop has heard
/// of it.
///
/// `@unchecked Sendable`: INVARIANT: `isCancelled` is touched on the connection's loop only.
final class Ticket: @unchecked Sendable {
    var isCancelled = false
}
