/// The images of Compose files and Kubernetes manifests.
///
/// Source: the Compose specification, "image", "interpolation"; Kubernetes API, PodSpec.
enum ManifestFile {
    static func wishes(in text: String, named name: String) -> WarmWishes {
        var wishes = WarmWishes()
        do {
            for document in try YAMLTree.documents(of: text, file: name) {
                if document["services"] != nil, document["kind"] == nil {
                    compose(document, &wishes)
                } else {
                    kubernetes(document, &wishes)
                }
            }
        } catch {
            wishes.complain(error.description)
        }
        return wishes
    }

    /// A service that is built has an image of its own making, whose name no registry knows.
    private static func compose(_ document: YAMLTree, _ wishes: inout WarmWishes) {
        let substitution = Substitution(value: { _ in nil }, escape: "$$")
        for (name, service) in document["services"]?.members ?? [] where service["build"] == nil {
            guard let written = service["image"]?.text else { continue }
            var missing: String?
            guard let image = substitution.apply(written, missing: &missing) else {
                wishes.complain("service \(name): \"\(written)\": \(missing ?? "a variable") has no default")
                continue
            }
            let platform = service["platform"]?.text.flatMap { substitution.apply($0, missing: &missing) }
            wishes.add(image, platform: platform)
        }
    }

    /// Whatever the kind: pods are found by their lists of containers, however deep a workload or an operator's own
    /// resource holds them.
    private static func kubernetes(_ node: YAMLTree, _ wishes: inout WarmWishes) {
        for item in node.items { kubernetes(item, &wishes) }
        for (key, value) in node.members {
            if ["initContainers", "containers", "ephemeralContainers"].contains(key) {
                for container in value.items { add(container["image"], of: container, &wishes) }
            } else if key == "volumes" {
                for volume in value.items { add(volume["image"]?["reference"], of: volume, &wishes) }
            } else {
                kubernetes(value, &wishes)
            }
        }
    }

    /// Templates are not manifests yet.
    private static func add(_ image: YAMLTree?, of container: YAMLTree, _ wishes: inout WarmWishes) {
        guard let image = image?.text else { return }
        if image.contains("{{") || image.contains("${") {
            wishes.complain("container \(container["name"]?.text ?? "?"): \"\(image)\" is a template; render it first")
        } else {
            wishes.add(image)
        }
    }
}
