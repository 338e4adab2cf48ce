internal import Coordination

/// Counters, gauges or histograms of one name, told apart by the values of their labels.
public final class Family<Instrument: Sendable>: Sendable {
    let name: String
    let help: String
    let labels: [String]
    private let make: @Sendable () -> Instrument
    private let series: Locked<[[String]: Instrument]>

    /// How many combinations of labels are kept apart; what comes beyond is counted together under `other`, so that
    /// no client can fill the memory with names.
    static var maximumSeries: Int { 512 }

    init(
        _ name: String, help: String, labels: [String], known: [[String]], make: @escaping @Sendable () -> Instrument
    ) {
        self.name = name
        self.help = help
        self.labels = labels
        self.make = make
        var series: [[String]: Instrument] = [:]
        for values in labels.isEmpty ? [[]] : known { series[values] = make() }
        self.series = Locked(series)
    }

    /// The one with these label values, made when it is first asked for.
    /// - Precondition: as many values as the family has labels.
    public subscript(_ values: String...) -> Instrument {
        precondition(values.count == labels.count, "\(name) has \(labels.count) labels")
        return series.withLock { series in
            if let known = series[values] { return known }
            let key = series.count < Self.maximumSeries ? values : labels.map { _ in "other" }
            if let known = series[key] { return known }
            let made = make()
            series[key] = made
            return made
        }
    }

    /// All there are, in the order of their labels.
    var all: [(labels: [String], instrument: Instrument)] {
        series.withLock { $0.map { (labels: $0.key, instrument: $0.value) } }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}

extension Family<Counter> {
    convenience init(counter name: String, help: String, labels: [String] = [], known: [[String]] = []) {
        self.init(name, help: help, labels: labels, known: known) { Counter() }
    }

    var text: FamilyText {
        FamilyText(
            name, help: help, kind: .counter,
            samples: all.map { Sample(labels: zipped($0.labels), value: Double($0.instrument.value)) })
    }
}

extension Family<Histogram> {
    convenience init(histogram name: String, help: String, labels: [String] = [], known: [[String]] = []) {
        self.init(name, help: help, labels: labels, known: known) { Histogram() }
    }

    var text: FamilyText {
        var samples: [Sample] = []
        for (values, histogram) in all {
            let reading = histogram.reading
            let labels = zipped(values)
            for (bound, count) in zip(Histogram.bounds, reading.cumulative) {
                samples.append(
                    Sample(suffix: "_bucket", labels: labels + [("le", decimal(bound))], value: Double(count)))
            }
            samples.append(
                Sample(suffix: "_bucket", labels: labels + [("le", "+Inf")], value: Double(reading.count)))
            samples.append(Sample(suffix: "_sum", labels: labels, value: reading.sum))
            samples.append(Sample(suffix: "_count", labels: labels, value: Double(reading.count)))
        }
        return FamilyText(name, help: help, kind: .histogram, samples: samples)
    }
}

extension Family {
    fileprivate func zipped(_ values: [String]) -> [(String, String)] { Array(zip(labels, values)) }
}
