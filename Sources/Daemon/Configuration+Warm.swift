internal import FoundationEssentials
internal import OCI
internal import Warming

extension Configuration {
    /// Reads `[warm.NAME]` of the configuration itself.
    mutating func readWarm(_ tree: ConfigurationText) -> [ConfigurationError] {
        let sections = ConfigurationReader(tree, path: ["warm"])
        var errors = sections.errors
        for name in sections.names {
            errors += readWarmList(name, ConfigurationReader(tree, path: ["warm", name]))
        }
        return errors
    }

    /// Reads `warm.d/*.toml` beside the configuration: a file holds sections, or the keys of one list that has the
    /// file's name.
    mutating func readWarmDirectory(beside file: String) -> [ConfigurationError] {
        let directory = (file.lastIndex(of: "/").map { String(file[..<$0]) } ?? ".") + "/warm.d"
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted() } catch {
            return [ConfigurationError(file: directory, line: 0, key: "", reason: "cannot be listed")]
        }
        var errors: [ConfigurationError] = []
        for name in names where name.hasSuffix(".toml") && !name.hasPrefix(".") {
            let path = "\(directory)/\(name)"
            do {
                let tree = try ConfigurationText(parsing: try Self.text(of: path), file: path)
                if tree.root["warm"] != nil {
                    var root = ConfigurationReader(tree)
                    root.table("warm")
                    errors += root.finish() + readWarm(tree)
                } else {
                    errors += readWarmList(String(name.dropLast(5)), ConfigurationReader(tree))
                }
            } catch let error as ConfigurationError {
                errors.append(error)
            } catch {
                errors.append(ConfigurationError(file: path, line: 0, key: "", reason: "\(error)"))
            }
        }
        return errors
    }

    private mutating func readWarmList(_ name: String, _ given: ConfigurationReader) -> [ConfigurationError] {
        var reader = given
        var list = WarmList(name: name)
        reader.strings("images", into: &list.images)
        for image in list.images {
            do { _ = try WarmName(image) } catch { reader.report("images", "\(error)") }
        }
        reader.strings("files", into: &list.files)
        for file in list.files where !file.hasPrefix("/") {
            reader.report("files", "\"\(file)\" must be an absolute path")
        }
        var platforms: [String] = []
        reader.strings("platforms", into: &platforms)
        for platform in platforms {
            do { list.platforms.append(try Platform(parsing: platform)) } catch {
                reader.report("platforms", "\(error)")
            }
        }
        readTurns(&list, &reader)
        reader.bool("pin", into: &list.pin)
        var engines: [String] = []
        reader.strings("into", into: &engines)
        for engine in engines {
            if let engine = WarmEngine(rawValue: engine) {
                list.into.append(engine)
            } else {
                let known = WarmEngine.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                reader.report("into", "\"\(engine)\" is none of \(known)")
            }
        }
        if list.images.isEmpty && list.files.isEmpty { reader.report("images", "a list needs images or files") }
        if warm.contains(where: { $0.name == name }) { reader.reportTable("there is another list of this name") }
        warm.append(list)
        return reader.finish()
    }

    /// When the list is brought by itself, and how fast.
    private func readTurns(_ list: inout WarmList, _ reader: inout ConfigurationReader) {
        var every = Duration.zero
        reader.duration("every", atLeast: .seconds(60), into: &every)
        if every > .zero { list.every = every }
        var texts: [String] = []
        reader.texts("schedule", into: &texts)
        for text in texts {
            do { list.schedule.append(try CalendarExpression(text)) } catch { reader.report("schedule", "\(error)") }
        }
        texts = []
        reader.texts("window", into: &texts)
        for text in texts {
            do { list.windows.append(try WarmWindow(text)) } catch { reader.report("window", "\(error)") }
        }
        if !list.windows.isEmpty, list.every == nil, list.schedule.isEmpty {
            reader.report("window", "bounds runs by every or schedule, and the list has neither")
        }
        var bandwidth: Int64 = 0
        reader.bytes("bandwidth", in: 0...(1 << 50), into: &bandwidth)
        if bandwidth > 0 { list.bandwidth = bandwidth }
    }
}
