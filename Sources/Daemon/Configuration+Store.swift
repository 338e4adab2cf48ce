internal import OCI

extension Configuration {
    mutating func readStore(_ tree: ConfigurationText) -> [ConfigurationError] {
        var reader = ConfigurationReader(tree, path: ["store"])
        reader.duration("scrub-every", atLeast: .zero, into: &store.scrubEvery)
        if store.scrubEvery > .zero, store.scrubEvery < .seconds(60) {
            reader.report("scrub-every", "must be at least a minute, or \"0s\" for never")
        }
        return reader.finish()
    }
}
