"""The benchmark's images: real files in gzip layers, made once and kept.

A: 8 layers of about 600 MB, one of 300 MB. B shares 5 of A's layers and brings 3 of its own. C: 60 small layers, about 40 MB.
"""
import hashlib
import io
import json
import os
import pathlib
import tarfile
import zlib

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MB = 1_000_000
# Compressed sizes. B takes A's first five.
A_LAYERS = [300, 120, 70, 40, 30, 20, 12, 8]
B_LAYERS = [150, 60, 30]
C_LAYERS = [0.66] * 60
ROOTS = ("/usr/lib", "/usr/bin", "/usr/share", "/opt", "/usr/local", "/usr/include", "/var/lib/dpkg")


def real_files():
    """Regular files of this machine, in an order that is the same each time; then noise without end."""
    for root in ROOTS:
        for folder, names, files in os.walk(root):
            names.sort()
            for name in sorted(files):
                path = os.path.join(folder, name)
                try:
                    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 64 * MB:
                        continue
                    yield path, pathlib.Path(path).read_bytes()
                except OSError:
                    continue
    number = 0
    while True:
        number += 1
        block = b"".join(hashlib.sha256(b"%d/%d" % (number, part)).digest() for part in range(1 << 15))
        yield f"/noise/{number}", block


class Layer:
    """A gzip layer that is being written, until it has its size."""

    def __init__(self, path):
        self.path, self.out = path, open(path, "wb")
        self.packed, self.unpacked, self.size, self.plain = hashlib.sha256(), hashlib.sha256(), 0, 0
        self.gzip = zlib.compressobj(1, zlib.DEFLATED, 31)

    def write(self, data):
        self.unpacked.update(data)
        self.plain += len(data)
        self.emit(self.gzip.compress(data))
        return len(data)

    def emit(self, data):
        self.packed.update(data)
        self.size += len(data)
        self.out.write(data)

    def close(self):
        self.emit(self.gzip.flush())
        self.out.close()
        return {"digest": self.packed.hexdigest(), "diff": self.unpacked.hexdigest(), "size": self.size}


def fill(layer, source, wanted):
    """Adds files until the layer has `wanted` bytes; the last file is cut to fit."""
    tar = tarfile.open(mode="w|", fileobj=layer, format=tarfile.GNU_FORMAT, bufsize=65536)
    while layer.size < wanted:
        path, data = next(source)
        left = wanted - layer.size
        data = data[: int(max(left * 1.3, 4096))]
        info = tarfile.TarInfo(path.lstrip("/"))
        info.size, info.mode, info.mtime = len(data), 0o644, 1_700_000_000
        tar.addfile(info, io.BytesIO(data))
    tar.close()


class Images:
    """The origin's content: a tree of files that nginx serves as a registry."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.store = self.directory / "blobs"
        self.index = self.directory / "images.json"
        if not self.index.exists():
            self.build()
        self.images = json.loads(self.index.read_text())

    def build(self):
        self.store.mkdir(parents=True, exist_ok=True)
        source = real_files()
        def make(sizes):
            layers = []
            for number, size in enumerate(sizes):
                layer = Layer(self.store / "partial")
                fill(layer, source, int(size * MB))
                made = layer.close()
                (self.store / "partial").rename(self.store / made["digest"])
                layers.append(made)
                print(f"  layer {number + 1} of {len(sizes)}: {made['size'] / MB:.1f} MB", flush=True)
            return layers
        a = make(A_LAYERS)
        images = {"a": a, "b": a[:5] + make(B_LAYERS), "c": make(C_LAYERS)}
        self.index.write_text(json.dumps({name: self.publish(name, layers) for name, layers in images.items()}))

    def small(self, count):
        """Names of so many small images: a layer that all share, and one of each one's own."""
        names = [f"small-{number}" for number in range(count)]
        if names[-1] in self.images:
            return names
        def make(content):
            layer = Layer(self.store / "partial")
            with tarfile.open(mode="w|", fileobj=layer, format=tarfile.GNU_FORMAT) as tar:
                info = tarfile.TarInfo("content")
                info.size, info.mtime = len(content), 1_700_000_000
                tar.addfile(info, io.BytesIO(content))
            made = layer.close()
            (self.store / "partial").rename(self.store / made["digest"])
            return made
        shared = make(b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(3000)))
        for number, name in enumerate(names):
            self.images[name] = self.publish(name, [shared, make(b"%d" % number * 100)])
        self.index.write_text(json.dumps(self.images))
        return names

    def put(self, data):
        digest = hashlib.sha256(data).hexdigest()
        (self.store / digest).write_bytes(data)
        return digest

    def publish(self, name, layers):
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "config": {},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + layer["diff"] for layer in layers]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"COPY {n}"} for n in range(len(layers))],
        }).encode()
        config_digest = self.put(config)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": "sha256:" + config_digest, "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": "sha256:" + x["digest"], "size": x["size"]} for x in layers],
        }).encode()
        digest = self.put(manifest)
        root = self.directory / "root" / "v2" / "bench" / name
        for folder in ("manifests", "blobs"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        def link(target, place):
            place.unlink(missing_ok=True)
            os.link(self.store / target, place)
        link(digest, root / "manifests" / "latest")
        link(digest, root / "manifests" / f"sha256:{digest}")
        link(config_digest, root / "blobs" / f"sha256:{config_digest}")
        for layer in layers:
            link(layer["digest"], root / "blobs" / f"sha256:{layer['digest']}")
        return {"manifest": digest, "layers": layers, "blobs": layers + [{"digest": config_digest, "size": len(config)}]}

    def bytes(self, name):
        return sum(layer["size"] for layer in self.images[name]["layers"])
