/// The images of Podman's Quadlet units: `.container`, `.image` and `.volume` files.
///
/// Source: podman-systemd.unit(5).
enum QuadletReader {
    static func wishes(in text: String) -> WarmWishes {
        var wishes = WarmWishes()
        for section in sections(of: text) where ["Container", "Image", "Volume"].contains(section.name) {
            guard let image = section.values["Image"] else { continue }
            // The names of other units: those have files of their own.
            guard !image.hasSuffix(".image"), !image.hasSuffix(".build") else { continue }
            if image.contains("%") {
                wishes.complain("\"\(image)\": systemd's specifiers are not known outside of the unit")
                continue
            }
            var platform: String?
            if let architecture = section.values["Arch"] {
                platform = "\(section.values["OS"] ?? "linux")/\(architecture)"
            }
            wishes.add(image.hasPrefix("docker://") ? String(image.dropFirst(9)) : image, platform: platform)
        }
        return wishes
    }

    private static func sections(of text: String) -> [(name: String, values: [String: String])] {
        var sections: [(name: String, values: [String: String])] = []
        var line = ""
        for raw in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let plain = raw.trimmed
            if plain.hasPrefix("#") || plain.hasPrefix(";") { continue }
            if plain.last == "\\" {
                line += plain.dropLast() + " "
                continue
            }
            line += plain
            defer { line = "" }
            if line.hasPrefix("["), line.hasSuffix("]") {
                sections.append((String(line.dropFirst().dropLast()), [:]))
            } else if let equals = line.firstIndex(of: "="), !sections.isEmpty {
                // As systemd has it, the last assignment holds.
                let key = line[..<equals].trimmed
                sections[sections.count - 1].values[key] = line[line.index(after: equals)...].trimmed
            }
        }
        return sections
    }
}
