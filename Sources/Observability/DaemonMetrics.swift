/// What the daemon counts while it works. Made once, by the composition root, and handed to who counts.
///
/// Names and units follow Prometheus' conventions: base units, `_total` on counters.
public final class DaemonMetrics: Sendable {
    /// Pulls that ended, by `result`: `fetched` (bytes came), `cached` (nothing had to come), `failed`, `cancelled`.
    public let pulls = Family(
        counter: "layerd_pulls_total", help: "Pulls that ended, by result.", labels: ["result"],
        known: [["fetched"], ["cached"], ["failed"], ["cancelled"]])
    /// Bytes of blobs by `source`: `upstream` (came over the network), `store` (were here, so did not have to come),
    /// `mirror` (served to engines).
    public let bytes = Family(
        counter: "layerd_blob_bytes_total",
        help: "Bytes of blobs by source: upstream were fetched, store were already here, mirror were served.",
        labels: ["source"], known: [["upstream"], ["store"], ["mirror"]])
    /// Blobs that a pull or a mirror client wanted, by `result`: `hit` or `miss`.
    public let lookups = Family(
        counter: "layerd_cache_lookups_total", help: "Blobs that were wanted, by whether the store had them.",
        labels: ["result"], known: [["hit"], ["miss"]])
    /// Pulls that ended with an error, by `kind` of fault.
    public let errors = Family(
        counter: "layerd_errors_total", help: "Pulls that failed, by kind of error.", labels: ["kind"],
        known: [["internal"]])
    /// Answers that say the daemon or a registry failed, by `api` and HTTP status.
    public let failedRequests = Family(
        counter: "layerd_failed_requests_total", help: "Answers with a status of 500 or more.",
        labels: ["api", "status"])
    /// Answers of the mirror, by `source`: what X-Layerd-Source says.
    public let mirrorRequests = Family(
        counter: "layerd_mirror_requests_total", help: "Requests the mirror answered, by where the content came from.",
        labels: ["source"], known: [["hit"], ["tail"], ["stale"], ["upstream"]])
    /// Until the answer's head, by `api`: `engine`, `native`, `mirror`.
    public let requests = Family(
        histogram: "layerd_request_duration_seconds", help: "Time from a request to the head of its answer.",
        labels: ["api"], known: [["engine"], ["native"], ["mirror"]])
    /// Of whole pulls that ended well.
    public let pullDuration = Family(
        histogram: "layerd_pull_duration_seconds", help: "Time that pulls took which ended well.")
    /// Bytes that removals gave back to the disk.
    public let freed = Family(
        counter: "layerd_freed_bytes_total", help: "Bytes of blobs that were removed from the store.")

    public init() {}

    /// All of it, for the exposition.
    public var families: [FamilyText] {
        [
            pulls.text, bytes.text, lookups.text, errors.text, failedRequests.text, mirrorRequests.text, requests.text,
            pullDuration.text,
            freed.text,
        ]
    }
}
