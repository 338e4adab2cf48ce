internal import OCI

/// Numbers with units, as the configuration writes them.
enum Quantity {
    /// A duration: digits, perhaps a decimal fraction, and a unit: `ms`, `s`, `m`, `h` or `d`. The unit is required.
    static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = split(text) else { return nil }
        let seconds: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let factor = seconds[unit] else { return nil }
        // A century: longer is a slip of the finger, and the sum must fit a clock.
        guard number * factor <= 36_525 * 86_400 else { return nil }
        return .milliseconds(Int64((number * factor * 1000).rounded()))
    }

    /// A size in bytes: digits, perhaps a decimal fraction, and a unit: `B`, `kB`…`PB` decimal, `KiB`…`PiB` binary.
    static func bytes(_ text: String) -> Int64? {
        guard let (number, unit) = split(text) else { return nil }
        let decimal = ["B", "KB", "MB", "GB", "TB", "PB"]
        let binary = ["B", "KIB", "MIB", "GIB", "TIB", "PIB"]
        let upper = unit.uppercased()
        let factor: Double
        if let power = decimal.firstIndex(of: upper) {
            factor = (0..<power).reduce(1) { product, _ in product * 1000 }
        } else if let power = binary.firstIndex(of: upper) {
            factor = (0..<power).reduce(1) { product, _ in product * 1024 }
        } else {
            return nil
        }
        let value = (number * factor).rounded()
        return value < 9e18 ? Int64(value) : nil
    }

    private static func split(_ text: String) -> (Double, String)? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count)
        guard digits.first?.isNumber == true, let number = Double(digits), number.isFinite else { return nil }
        return (number, unit.trimmingPrefix { $0 == " " }.description)
    }
}
