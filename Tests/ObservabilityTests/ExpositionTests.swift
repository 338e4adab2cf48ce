import Observability
import Testing

@Suite struct `The figures` {
    @Test func `are counted by their labels`() {
        let metrics = DaemonMetrics()
        metrics.bytes["upstream"].add(7)
        metrics.bytes["upstream"].add(5)
        metrics.bytes["mirror"].add(-3)
        #expect(metrics.bytes["upstream"].value == 12)
        #expect(metrics.bytes["mirror"].value == 0, "a counter never falls")
    }

    @Test func `of one name stay few, whatever labels come`() {
        let metrics = DaemonMetrics()
        for number in 0..<10_000 { metrics.errors["kind\(number)"].add() }
        let lines = FamilyText.text(of: metrics.families).split(separator: "\n").filter {
            $0.hasPrefix("layerd_errors_total{")
        }
        #expect(lines.count <= 513)
        #expect(lines.contains { $0.hasPrefix("layerd_errors_total{kind=\"other\"} ") })
    }

    @Test func `of durations fall into buckets that add up`() throws {
        let metrics = DaemonMetrics()
        for milliseconds in [0, 1, 3, 200, 400_000] {
            metrics.requests["engine"].observe(.milliseconds(milliseconds))
        }
        let text = FamilyText.text(of: metrics.families)
        func value(_ series: String) -> Substring? {
            text.split(separator: "\n").first { $0.hasPrefix("layerd_request_duration_seconds\(series) ") }?
                .split(separator: " ").last
        }
        #expect(value("_bucket{api=\"engine\",le=\"0.001\"}") == "2")
        #expect(value("_bucket{api=\"engine\",le=\"0.005\"}") == "3")
        #expect(value("_bucket{api=\"engine\",le=\"300\"}") == "4")
        #expect(value("_bucket{api=\"engine\",le=\"+Inf\"}") == "5")
        #expect(value("_count{api=\"engine\"}") == "5")
        #expect(value("_sum{api=\"engine\"}") == "400.204")
    }

    @Test func `keep odd labels from breaking the text`() {
        let family = FamilyText(
            "x", help: "a\nb \\", kind: .gauge, samples: [Sample([("l", "a\"b\\c\nd")], 1.5)])
        #expect(
            FamilyText.text(of: [family]) == "# HELP x a\\nb \\\\\n# TYPE x gauge\nx{l=\"a\\\"b\\\\c\\nd\"} 1.5\n")
    }
}
