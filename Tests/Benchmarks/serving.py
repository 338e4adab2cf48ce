#!/usr/bin/env python3
"""Measures the mirror on this machine: hot blobs beside nginx, many clients at one cold blob, and docker-registry as a proxy.

usage: Tests/Benchmarks/serving.py LAYERD [PART]…     LAYERD: a release build's executable
parts: hot, offline, corrupt, crowd, peers, herd (HERD_MB, HERD_CLIENTS, HERD_RATE: bytes a second of nginx, as it writes them)

Prints one line a figure; exits 1 when a bound that the project promises does not hold. Needs nginx; peers needs docker-registry.
`make bench-mirror` runs all of it; `rows(layerd, parts)` is for bench.py.
"""
import atexit, hashlib, json, os, re, resource, shutil, socket, subprocess, sys, tempfile, threading, time

from origin import free_port

MB = 1 << 20
HERD = dict(size=int(os.environ.get("HERD_MB", "500")) * MB, clients=int(os.environ.get("HERD_CLIENTS", "200")),
            rate=os.environ.get("HERD_RATE", "6m"))
figures = []
running = []


@atexit.register
def end_all():
    for process in running:
        if process.poll() is None:
            process.terminate()
            process.wait()


def figure(name, value, holds=True):
    print(f"{'ok  ' if holds else 'FAIL'} {name}: {value}", flush=True)
    figures.append({"what": name, "value": str(value), "holds": holds})


class Files:
    """Blobs and one manifest for each, as nginx serves a registry's."""

    def __init__(self, root):
        self.root = root
        os.makedirs(root + "/blobs")
        self.locations = []

    def blob(self, size, seed):
        digest = hashlib.sha256()
        path = f"{self.root}/new"
        with open(path, "wb") as out:
            stream = hashlib.shake_128(seed.encode()).digest(MB)
            number = 0
            while size > 0:
                piece = (number.to_bytes(8, "big") + stream[8:])[:size]
                digest.update(piece)
                out.write(piece)
                size -= len(piece)
                number += 1
        os.rename(path, f"{self.root}/blobs/{digest.hexdigest()}")
        return digest.hexdigest()

    def image(self, name, size):
        layer = self.blob(size, name)
        self.manifest(name, [layer], [size])
        return layer

    def manifest(self, name, layers, sizes):
        config = self.blob(500, "config of " + name)
        text = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/x-config", "digest": "sha256:" + config, "size": 500},
            "layers": [{"mediaType": "application/x-layer", "digest": "sha256:" + layer, "size": size}
                       for layer, size in zip(layers, sizes)]})
        digest = hashlib.sha256(text.encode()).hexdigest()
        with open(f"{self.root}/{digest}.json", "w") as out:
            out.write(text)
        for reference in ("latest", "sha256:" + digest):
            self.locations.append(
                f'location = "/v2/library/{name}/manifests/{reference}" {{ alias {self.root}/{digest}.json; types {{ }} '
                f'default_type application/vnd.oci.image.manifest.v1+json; '
                f'add_header Docker-Content-Digest sha256:{digest}; }}')


class Nginx:
    def __init__(self, files, work, rate="0"):
        self.port, self.log = free_port(), work + "/access.log"
        conf = f"""
            worker_processes 1; daemon off; pid {work}/pid; error_log {work}/error.log;
            events {{ worker_connections 1024; }}
            http {{ log_format bytes '$request_method $uri $status $body_bytes_sent'; access_log {self.log} bytes;
              sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path {work}/b;
              proxy_temp_path {work}/p; fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
              server {{ listen 127.0.0.1:{self.port}; limit_rate {rate};
                location = /v2/ {{ return 200 '{{}}'; }}
                {' '.join(files.locations)}
                location ~ "^/v2/.*/blobs/sha256:(?<hex>[0-9a-f]+)$" {{ alias {files.root}/blobs/$hex; types {{ }}
                  default_type application/octet-stream; }} }} }}"""
        with open(work + "/conf", "w") as out:
            out.write(conf)
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([binary, "-c", work + "/conf", "-e", work + "/error.log"])
        running.append(self.process)
        wait_for(self.port)
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        self.worker = int(children[0])

    def sent(self, digest):
        with open(self.log) as lines:
            return sum(int(line.split()[3]) for line in lines if digest in line)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Layerd:
    def __init__(self, binary, work, endpoint, per_host=1):
        self.port = free_port()
        os.makedirs(work, exist_ok=True)
        with open(work + "/config", "w") as out:
            out.write(f'[mirror]\nlisten = ["127.0.0.1:{self.port}"]\n[pull]\nper-host = {per_host}\n'
                      f'[registry."docker.io"]\nendpoint = "{endpoint}"\n')
        self.process = subprocess.Popen(
            [binary, "--config", work + "/config", "--state-dir", work + "/state", "--socket", work + "/sock"],
            stderr=open(work + "/log", "w"))
        running.append(self.process)
        wait_for(self.port)

    def memory(self):
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read())[1]) * 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wait_for(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing listens at {port}")


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(path, method="GET"):
    accept = "application/vnd.oci.image.manifest.v1+json, */*"
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode()


class Connection:
    def __init__(self, port, room=MB):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.buffer = bytearray(room)

    def get(self, path, until=None, digest=None, method="GET"):
        """Status, bytes of the body that came, and the length that was announced."""
        self.socket.sendall(request(path, method))
        return self.answer(until, digest, method)

    def answer(self, until=None, digest=None, method="GET"):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.socket.recv(65536)
            if not piece:
                return 0, 0, 0
            head += piece
        head, rest = head.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        self.head = head
        count = len(rest)
        if digest:
            digest.update(rest)
        while count < min(length, until or length) and method == "GET":
            n = self.socket.recv_into(self.buffer, min(len(self.buffer), length - count))
            if n == 0:
                break
            if digest:
                digest.update(memoryview(self.buffer)[:n])
            count += n
        return status, count, length


def many(count, work):
    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    [t.start() for t in threads]
    [t.join() for t in threads]


def pull(port, name, layer):
    c = Connection(port)
    c.socket.sendall(request(f"/v2/library/{name}/manifests/latest"))
    manifest = c.socket.recv(65536).split(b"\r\n\r\n", 1)[1]
    while not manifest.endswith(b"}]}"):
        manifest += c.socket.recv(65536)
    for digest in (json.loads(manifest)["config"]["digest"], "sha256:" + layer):
        status, count, length = c.get(f"/v2/library/{name}/blobs/{digest}")
        assert status == 200 and count == length, (name, digest, status, count, length)


def hot(binary, work):
    files = Files(work + "/files")
    big, small = files.image("big", 300 * MB), files.image("small", 20_000)
    os.makedirs(work + "/nginx")
    nginx = Nginx(files, work + "/nginx")
    layerd = Layerd(binary, work + "/layerd", f"http://127.0.0.1:{nginx.port}")
    pull(layerd.port, "big", big)
    pull(layerd.port, "small", small)
    servers = {"nginx": (nginx.port, nginx.worker), "layerd": (layerd.port, layerd.process.pid)}
    costs = {"nginx": [], "layerd": []}
    rates = {"nginx": [], "layerd": []}
    for _ in range(5):
        for name, (port, pid) in servers.items():
            before = cpu(pid)

            def work_big(_):
                c = Connection(port)
                for _ in range(3):
                    status, count, length = c.get(f"/v2/library/big/blobs/sha256:{big}")
                    assert status == 200 and count == length
            many(4, work_big)
            costs[name].append((cpu(pid) - before) / 12)
            before, total = cpu(pid), 20_000
            connections = [Connection(port) for _ in range(16)]
            text = request(f"/v2/library/small/blobs/sha256:{small}")
            size = None
            for _ in range(total // 16):
                for c in connections:
                    c.socket.sendall(text)
                for c in connections:
                    if size is None:
                        head = c.socket.recv(65536)
                        size = len(head.split(b"\r\n\r\n", 1)[0]) + 4 + 20_000
                        left = size - len(head)
                    else:
                        left = size
                    while left > 0:
                        left -= c.socket.recv_into(c.buffer, left)
            rates[name].append(total / (cpu(pid) - before))
    cost = {name: sorted(values)[2] for name, values in costs.items()}
    rate = {name: sorted(values)[2] for name, values in rates.items()}
    figure("CPU s for a hot 300 MiB blob, nginx", f"{cost['nginx']:.3f}")
    figure("CPU s for a hot 300 MiB blob, layerd (<= 1.25 x)",
           f"{cost['layerd']:.3f} ({cost['layerd'] / cost['nginx']:.2f} x)", cost["layerd"] <= 1.25 * cost["nginx"])
    figure("hot 20 KB blobs per CPU s, nginx", f"{rate['nginx']:.0f}")
    figure("hot 20 KB blobs per CPU s, layerd (>= 0.6 x)",
           f"{rate['layerd']:.0f} ({rate['layerd'] / rate['nginx']:.2f} x)", rate["layerd"] >= 0.6 * rate["nginx"])
    layerd.stop()
    nginx.stop()


def herd(binary, work):
    files = Files(work + "/files")
    alone, many_of, killed = (files.image(name, HERD["size"]) for name in ("alone", "many", "killed"))
    os.makedirs(work + "/nginx")
    nginx = Nginx(files, work + "/nginx", HERD["rate"])
    layerd = Layerd(binary, work + "/layerd", f"http://127.0.0.1:{nginx.port}")
    began = time.time()
    pull(layerd.port, "alone", alone)
    single = time.time() - began
    times, right = [], []

    def reader(_):
        c = Connection(layerd.port)
        status, count, length = c.get(f"/v2/library/many/blobs/sha256:{many_of}")
        times.append(time.time() - began)
        right.append(status == 200 and count == length == HERD["size"])
    began = time.time()
    many(HERD["clients"], reader)
    slowest = max(times)
    sent = nginx.sent(many_of)
    figure("one client alone", f"{single:.1f} s")
    figure(f"slowest of {HERD['clients']} (<= 1.2 x)", f"{slowest:.1f} s ({slowest / single:.2f} x)", slowest <= 1.2 * single)
    figure("all of them got everything", f"{sum(right)} of {HERD['clients']}", sum(right) == HERD["clients"])
    figure("upstream bytes", f"{sent} of {HERD['size']}", sent <= HERD["size"] + 65536)
    digest = hashlib.sha256()
    result = []

    def leaver(number):
        c = Connection(layerd.port)
        last = number == 0
        result_ = c.get(f"/v2/library/killed/blobs/sha256:{killed}", None if last else 2 * MB, digest if last else None)
        if last:
            result.append(result_)
        else:
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            c.socket.close()
    many(HERD["clients"], leaver)
    whole = result[0][1] == HERD["size"] and digest.hexdigest() == killed
    figure("the last when all others were killed", f"{result[0][1]} bytes, digest {'right' if whole else 'wrong'}", whole)
    figure("upstream bytes for it", nginx.sent(killed), nginx.sent(killed) <= HERD["size"] + 65536)
    figure("peak resident memory (< 96 MB)", f"{layerd.memory() / 1e6:.1f} MB", layerd.memory() < 96e6)
    layerd.stop()
    nginx.stop()


def corrupt(binary, work):
    files = Files(work + "/files")
    layer = files.image("bad", 100 * MB)
    path = f"{files.root}/blobs/{layer}"
    with open(path, "r+b") as out:
        out.seek(50 * MB)
        byte = out.read(1)[0]
        out.seek(50 * MB)
        out.write(bytes([byte ^ 1]))
    os.makedirs(work + "/nginx")
    nginx = Nginx(files, work + "/nginx")
    layerd = Layerd(binary, work + "/layerd", f"http://127.0.0.1:{nginx.port}")
    most = []

    def reader(_):
        status, count, _ = Connection(layerd.port).get(f"/v2/library/bad/blobs/sha256:{layer}")
        most.append(count if status == 200 else 0)
    many(50, reader)
    figure("most that one of 50 got of a corrupt blob", f"{max(most)} of {100 * MB}", max(most) < 100 * MB)
    layerd.stop()
    nginx.stop()


def offline(binary, work):
    files = Files(work + "/files")
    images = {f"image{n}": files.image(f"image{n}", 200_000) for n in range(20)}
    os.makedirs(work + "/nginx")
    nginx = Nginx(files, work + "/nginx")
    layerd = Layerd(binary, work + "/layerd", f"http://127.0.0.1:{nginx.port}")
    for name, layer in images.items():
        pull(layerd.port, name, layer)
    time.sleep(1)
    nginx.stop()
    layerd.stop()
    layerd = Layerd(binary, work + "/layerd", f"http://127.0.0.1:{nginx.port}")
    longest = {}
    for name, layer in images.items():
        c = Connection(layerd.port)
        digest = None
        for kind in ("by tag", "by digest", "its blob"):
            path = {"by tag": "manifests/latest", "by digest": f"manifests/{digest}", "its blob": f"blobs/sha256:{layer}"}[kind]
            began = time.time()
            status, count, length = c.get(f"/v2/library/{name}/{path}")
            longest[kind] = max(longest.get(kind, 0), time.time() - began)
            assert status == 200 and count == length, (name, path, status)
            digest = digest or re.search(rb"(?i)docker-content-digest: *(\S+)", c.head)[1].decode()
    for kind, seconds in longest.items():
        figure(f"slowest answer of {len(images)} images after a restart with the registry dead, {kind} (< 50 ms)",
               f"{seconds * 1000:.1f} ms", seconds < 0.05)
    layerd.stop()


def crowd(binary, work):
    """A thousand connections at once, each kept and used again."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384), most))
    files = Files(work + "/files")
    layer = files.image("app", 20_000)
    os.makedirs(work + "/nginx")
    nginx = Nginx(files, work + "/nginx")
    layerd = Layerd(binary, work + "/layerd", f"http://127.0.0.1:{nginx.port}")
    pull(layerd.port, "app", layer)
    before = layerd.memory()
    connections = [Connection(layerd.port, 65536) for _ in range(1000)]
    good = 0
    for path in ("blobs/sha256:" + layer, "manifests/latest", "blobs/sha256:" + layer):
        for c in connections:
            c.socket.sendall(request(f"/v2/library/app/{path}"))
        for c in connections:
            status, count, length = c.answer()
            good += status == 200 and count == length
    figure("answers on 1,000 connections at once, 3 each", f"{good} of 3000", good == 3000)
    figure("peak resident memory with them (and before)", f"{layerd.memory() / 1e6:.1f} MB ({before / 1e6:.1f} MB)")
    layerd.stop()
    nginx.stop()


class Registry:
    """docker-registry as a proxy of nginx."""

    def __init__(self, work, endpoint):
        self.port = free_port()
        os.makedirs(work)
        with open(work + "/config.yml", "w") as out:
            out.write(f"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {work}/data\n"
                      f"http:\n  addr: 127.0.0.1:{self.port}\nproxy:\n  remoteurl: {endpoint}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", work + "/config.yml"],
                                        stdout=open(work + "/log", "w"), stderr=subprocess.STDOUT)
        running.append(self.process)
        wait_for(self.port)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def peers(binary, work):
    """20 clients pull one cold image at once."""
    if not shutil.which("docker-registry"):
        return print("peers: docker-registry is not installed")
    files = Files(work + "/files")
    layers = [files.blob(20 * MB, f"layer {n}") for n in range(5)]
    files.manifest("cold", layers, [20 * MB] * 5)
    os.makedirs(work + "/nginx")
    nginx = Nginx(files, work + "/nginx")
    endpoint = f"http://127.0.0.1:{nginx.port}"
    costs = {}
    for name, start in (("docker-registry", lambda: Registry(work + "/registry", endpoint)),
                        ("layerd", lambda: Layerd(binary, work + "/layerd", endpoint, per_host=16))):
        server = start()
        before = cpu(server.process.pid)
        right = []

        def client(_):
            c = Connection(server.port)
            status, _, _ = c.get("/v2/library/cold/manifests/latest")
            good = status == 200
            for layer in layers:
                status, count, length = c.get(f"/v2/library/cold/blobs/sha256:{layer}")
                good = good and status == 200 and count == length == 20 * MB
                if status != 200 or count != length:
                    c = Connection(server.port)
            right.append(good)
        many(20, client)
        costs[name] = cpu(server.process.pid) - before
        figure(f"20 cold clients of 5 layers of 20 MiB, CPU s of {name}", f"{costs[name]:.2f}, {sum(right)} of 20 whole",
               name != "layerd" or sum(right) == 20)
        server.stop()
    ratio = costs["layerd"] / costs["docker-registry"]
    figure("the same, layerd beside docker-registry (<= 0.33 x)", f"{ratio:.2f} x", ratio <= 1 / 3)
    nginx.stop()


PARTS = {"hot": hot, "offline": offline, "corrupt": corrupt, "crowd": crowd, "peers": peers, "herd": herd}


def rows(binary, parts=("hot",)):
    """Runs parts, and returns what they found: a list of {what, value, holds}."""
    start = len(figures)
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="bench-mirror-") as work:
            os.chmod(work, 0o755)  # nginx's workers are nobody where it is run by root
            PARTS[part](binary, work)
    return figures[start:]


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(PARTS):
        sys.exit(__doc__)
    found = rows(sys.argv[1], sys.argv[2:] or list(PARTS))
    sys.exit(0 if all(row["holds"] for row in found) else 1)
