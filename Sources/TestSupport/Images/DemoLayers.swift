/// Pings a site at an interval; what the demonstration image runs. Not a copy of the book's script.
let webPingScript = """
    const https = require('https');
    const options = { hostname: process.env.TARGET, method: process.env.METHOD };
    console.log('** web-ping ** Pinging: %s; method: %s; %dms intervals', options.hostname, options.method,
        process.env.INTERVAL);
    let count = 1;
    setInterval(() => {
        const start = Date.now();
        const request = https.request(options, (response) => {
            const status = response.statusCode;
            console.log('Got response status: %d at %d; duration: %dms', status, start, Date.now() - start);
            response.resume();
        });
        request.on('error', (error) => console.log('Error: %s', error.message));
        console.log('Making request number: %d; at %d', count++, start);
        request.end();
    }, Number(process.env.INTERVAL));

    """

// The layers of the shared base. Text where a real system has text, noise where it has machine code.
extension ImageFactory {
    func system(_ platform: String, _ bytes: Int) throws -> GeneratedLayer {
        let packages = (0..<400).map { "Package: library-\($0)\nStatus: install ok installed\nVersion: 1.\($0)-1\n" }
        return try layer([
            .directory("bin"),
            .directory("etc"),
            .file("etc/debian_version", "12.11\n"),
            .file("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n"),
            .file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
            .file("etc/shadow", "root:*:20277:0:99999:7:::\n", mode: 0o640),
            .directory("tmp", mode: 0o1777),
            .directory("usr"),
            .directory("usr/lib"),
            .file("usr/lib/libc.so.6", noise("libc \(platform)", bytes: bytes * 3 / 4), mode: 0o755),
            .directory("usr/bin"),
            .file("usr/bin/bash", noise("bash \(platform)", bytes: bytes / 4), mode: 0o755),
            .link("bin/sh", to: "/usr/bin/bash"),
            .directory("var"),
            .directory("var/lib"),
            .directory("var/lib/dpkg"),
            .file("var/lib/dpkg/status", packages.joined(separator: "\n")),
        ])
    }

    func users() throws -> GeneratedLayer {
        try layer([
            .directory("etc"),
            .file("etc/group", "root:x:0:\nnode:x:1000:\n"),
            .file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnode:x:1000:1000::/home/node:/bin/bash\n"),
            .directory("home"),
            .directory("home/node"),
        ])
    }

    func runtime(_ platform: String, _ bytes: Int) throws -> GeneratedLayer {
        try layer([
            .directory("usr/local"),
            .directory("usr/local/bin"),
            .file("usr/local/bin/node", noise("node \(platform)", bytes: bytes), mode: 0o755),
            TarEntry("usr/local/bin/nodejs", .hardLink("usr/local/bin/node"), mode: 0o755),
            .directory("usr/local/include"),
            .file("usr/local/include/node.h", String(repeating: "#define NODE 22\n", count: 2_000)),
            .whiteout("tmp/node-installer"),
        ])
    }

    func packages(_ bytes: Int) throws -> GeneratedLayer {
        try layer([
            .directory("opt"),
            .directory("opt/yarn"),
            .file("opt/yarn/cli.js", noise("yarn", bytes: bytes)),
            .link("usr/local/bin/yarn", to: "/opt/yarn/cli.js"),
        ])
    }

    func entrypoint() throws -> GeneratedLayer {
        try layer([.file("usr/local/bin/docker-entrypoint.sh", "#!/bin/sh\nset -e\nexec \"$@\"\n", mode: 0o755)])
    }
}
