public import OCI

/// How many bytes of incompressible content the layers of a demonstration image hold.
public struct DemoSizes: Sendable {
    /// The base's operating system layer.
    public var system: Int
    /// The base's Node runtime layer.
    public var runtime: Int
    /// The base's package manager layer.
    public var packages: Int
    /// An application's own modules; the web-ping application has none.
    public var modules: Int

    public init(system: Int, runtime: Int, packages: Int, modules: Int) {
        self.system = system
        self.runtime = runtime
        self.packages = packages
        self.modules = modules
    }

    /// Kilobytes, for tests of logic.
    public static let small = DemoSizes(system: 60_000, runtime: 40_000, packages: 10_000, modules: 20_000)
    /// About 80 MB with three applications, for a download one can watch.
    public static let visible = DemoSizes(
        system: 30_000_000, runtime: 32_000_000, packages: 4_000_000, modules: 7_000_000)
}

/// What applications build on: steps and settings that they continue.
public struct BaseImage: Sendable {
    public var platform: Platform
    public var steps: [ImageStep]
    public var settings: ImageSettings
}

extension ImageFactory {
    /// A base that several applications share: a small Debian-like system and a Node runtime, five layers.
    /// - Throws: ``StandInError``.
    public func baseShared(_ platform: Platform = .linuxAMD64, sizes: DemoSizes = .small) throws -> BaseImage {
        let key = "\(platform)"
        var settings = ImageSettings()
        settings.environment += ["NODE_VERSION=22.17.1", "YARN_VERSION=1.22.22"]
        settings.entrypoint = ["docker-entrypoint.sh"]
        settings.command = ["node"]
        let steps = [
            ImageStep("# debian.sh --arch '\(platform.architecture)' out/ 'bookworm'", try system(key, sizes.system)),
            ImageStep("RUN /bin/sh -c groupadd --gid 1000 node && useradd --uid 1000 --gid node node", try users()),
            ImageStep("ENV NODE_VERSION=22.17.1"),
            ImageStep("RUN /bin/sh -c install-node # buildkit", try runtime(key, sizes.runtime)),
            ImageStep("ENV YARN_VERSION=1.22.22"),
            ImageStep("RUN /bin/sh -c install-yarn # buildkit", try packages(sizes.packages)),
            ImageStep("COPY docker-entrypoint.sh /usr/local/bin/ # buildkit", try entrypoint()),
            ImageStep("ENTRYPOINT [\"docker-entrypoint.sh\"]"),
            ImageStep("CMD [\"node\"]"),
        ]
        return BaseImage(platform: platform, steps: steps, settings: settings)
    }

    /// The base as an image of its own.
    public func image(_ base: BaseImage, format: ImageFormat = .oci) -> GeneratedImage {
        var recipe = ImageRecipe(base.platform, steps: base.steps)
        recipe.settings = base.settings
        recipe.format = format
        return image(recipe)
    }

    /// An application in the shape of `diamol/ch03-web-ping`: three variables, a directory, one script.
    /// - Throws: ``StandInError``.
    public func webPing(on base: BaseImage, format: ImageFormat = .oci) throws -> GeneratedImage {
        var recipe = ImageRecipe(base.platform, steps: base.steps)
        recipe.format = format
        recipe.settings = base.settings
        recipe.settings.environment += ["TARGET=blog.sixeyed.com", "METHOD=HEAD", "INTERVAL=3000"]
        recipe.settings.workingDirectory = "/web-ping"
        recipe.settings.command = ["node", "/web-ping/app.js"]
        recipe.steps += [
            ImageStep("ENV TARGET=blog.sixeyed.com"),
            ImageStep("ENV METHOD=HEAD"),
            ImageStep("ENV INTERVAL=3000"),
            ImageStep("WORKDIR /web-ping", try layer([.directory("web-ping")])),
            ImageStep("COPY app.js . # buildkit", try layer([.file("web-ping/app.js", webPingScript)])),
            ImageStep("CMD [\"node\" \"/web-ping/app.js\"]"),
        ]
        return image(recipe)
    }

    /// A web application on a base, with modules of its own.
    /// - Throws: ``StandInError``.
    public func application(
        _ name: String, on base: BaseImage, modules: Int = DemoSizes.small.modules, format: ImageFormat = .oci,
        compression: LayerCompression? = nil
    ) throws -> GeneratedImage {
        var recipe = ImageRecipe(base.platform, steps: base.steps)
        recipe.format = format
        recipe.settings = base.settings
        recipe.settings.workingDirectory = "/app"
        recipe.settings.user = "node"
        recipe.settings.ports = ["3000/tcp"]
        recipe.settings.labels = ["org.opencontainers.image.title": name]
        recipe.settings.command = ["node", "server.js"]
        let installed = try layer(
            [
                .directory("app/node_modules"),
                .file("app/node_modules/\(name).node", noise("modules of \(name)", bytes: modules), mode: 0o755),
            ], compression: compression)
        let server = try layer([.file("app/server.js", "console.log('\(name) listens');\n")], compression: compression)
        recipe.steps += [
            ImageStep("WORKDIR /app", try layer([.directory("app")])),
            ImageStep("RUN /bin/sh -c npm ci # buildkit", installed),
            ImageStep("COPY server.js . # buildkit", server),
            ImageStep("EXPOSE [3000/tcp]"),
            ImageStep("USER node"),
            ImageStep("CMD [\"node\" \"server.js\"]"),
        ]
        return image(recipe)
    }

    /// An image of plain big layers, stored rather than compressed, so that hundreds of megabytes are made quickly.
    /// - Parameter layers: bytes of content of each layer.
    /// - Throws: ``StandInError``.
    public func big(_ layers: [Int], platform: Platform = .linuxAMD64) throws -> GeneratedImage {
        let steps = try layers.enumerated().map { index, bytes in
            let content = noise("big layer \(index)", bytes: bytes)
            return ImageStep(
                "COPY data-\(index).bin /data/ # buildkit",
                try layer([.directory("data"), .file("data/data-\(index).bin", content)], compression: .gzip(level: 0)))
        }
        return image(ImageRecipe(platform, steps: steps))
    }

    /// The same image for several platforms, each on a base of its own, under one index.
    /// - Throws: ``StandInError``.
    public func multiPlatform(
        _ platforms: [Platform] = [.linuxAMD64, .linuxARM64, .linuxARMv7], sizes: DemoSizes = .small,
        format: ImageFormat = .oci, attestations: Bool = true, build: (BaseImage) throws -> GeneratedImage
    ) throws -> GeneratedImage {
        let images = try platforms.map { try build(baseShared($0, sizes: sizes)) }
        return index(of: images, format: format, attestations: attestations && format == .oci)
    }
}
