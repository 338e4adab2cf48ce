"""What is measured: each runner brings one image from one origin and says what it cost.

A result has wall (s), cpu (user + system s of the program and its daemon), peak (MB of its largest process).
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def measured(command, **options):
    """Runs a command as a whole process, with those it waits for."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {process.returncode}: {errors.decode(errors='replace')[-400:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid, what):
    return int(re.search(rf"{what}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def peak_of(pid):
    return memory_of(pid, "VmHWM")


class Runner:
    """One program. `cold` has nothing; `warm(image)` has brought `image` before the measured run."""
    splits, far, tls, b_after_a = False, True, True, True

    def __init__(self, bench):
        self.bench = bench

    def available(self):
        return True

    def work(self):
        """A directory of this run on the benchmark's disk."""
        return pathlib.Path(tempfile.mkdtemp(dir=self.bench.scratch))

    def run(self, image, origin, held=()):
        """Brings `image` after those in `held` were brought unmeasured."""
        raise NotImplementedError


class Bare(Runner):
    """The bare libcurl program: it is given the list of blobs, asks for no manifest, and hashes and writes."""

    def __init__(self, bench, name, connections, ranges=0, durable=False):
        super().__init__(bench)
        self.name, self.connections, self.ranges, self.durable = name, connections, ranges, durable

    def run(self, image, origin, held=()):
        directory = self.work()
        have = {blob["digest"] for name in held for blob in self.bench.images.images[name]["blobs"]}
        lines = [
            f"{origin.url}/v2/bench/{image}/blobs/sha256:{blob['digest']} {blob['size']} {blob['digest']} {directory}/{blob['digest']}"
            for blob in self.bench.images.images[image]["blobs"] if blob["digest"] not in have]
        (directory / "list").write_text("\n".join(lines) + "\n")
        command = [self.bench.bare, "-c", str(self.connections)]
        command += ["-r", str(self.ranges)] if self.ranges else []
        command += ["-f"] if self.durable else []
        command += ["-k", str(self.bench.origin.ca)] if origin.tls else []
        try:
            return measured(["sh", "-c", 'exec "$@" < ' + f"{directory}/list", "sh", *command])
        finally:
            shutil.rmtree(directory)


class CurlAndHash(Runner):
    """What a careful shell script does: curl in parallel, then sha256sum."""
    name = "curl --parallel, then sha256sum"

    def available(self):
        return shutil.which("curl") is not None

    def run(self, image, origin, held=()):
        directory = self.work()
        have = {blob["digest"] for name in held for blob in self.bench.images.images[name]["blobs"]}
        blobs = [b for b in self.bench.images.images[image]["blobs"] if b["digest"] not in have]
        (directory / "sums").write_text("".join(f"{b['digest']}  {b['digest']}\n" for b in blobs))
        trust = f"cacert = {self.bench.origin.ca}\n" if origin.tls else ""
        (directory / "urls").write_text("".join(
            f"url = {origin.url}/v2/bench/{image}/blobs/sha256:{b['digest']}\noutput = {b['digest']}\n" for b in blobs) + trust)
        most = "64" if len(blobs) > 32 else "8"
        try:
            return measured(["sh", "-c", f"curl -sS --parallel --parallel-max {most} -K urls && sha256sum --quiet -c sums"],
                            cwd=directory)
        finally:
            shutil.rmtree(directory)


class Aria(Runner):
    """aria2 splits files; it is the only common tool that does."""
    name, splits, tls, b_after_a = "aria2 -x4", True, False, False

    def available(self):
        return shutil.which("aria2c") is not None

    def run(self, image, origin, held=()):
        directory = self.work()
        (directory / "urls").write_text("".join(
            f"{origin.url}/v2/bench/{image}/blobs/sha256:{b['digest']}\n  out={b['digest']}\n  checksum=sha-256={b['digest']}\n"
            for b in self.bench.images.images[image]["blobs"]))
        try:
            return measured(["aria2c", "-q", "-x4", "-s4", "-j16", "-k1M", "--allow-overwrite=true", "-i", "urls"], cwd=directory)
        finally:
            shutil.rmtree(directory)


class Skopeo(Runner):
    name = "skopeo to oci:"

    def available(self):
        return shutil.which("skopeo") is not None

    def copy(self, image, origin, directory):
        command = ["skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false",
                   f"docker://localhost:{origin.port}/bench/{image}:latest", f"oci:{directory}/oci:{image}"]
        return measured(command)

    def run(self, image, origin, held=()):
        directory = self.work()
        try:
            for name in held:
                self.copy(name, origin, directory)
            return self.copy(image, origin, directory)
        finally:
            shutil.rmtree(directory)


class Containerd(Runner):
    name, tls = "ctr content fetch", False

    def available(self):
        return os.geteuid() == 0 and shutil.which("containerd") is not None and shutil.which("ctr") is not None

    def run(self, image, origin, held=()):
        directory = self.work()
        (directory / "config.toml").write_text(
            f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{directory}/c.sock"\n')
        daemon = subprocess.Popen(["containerd", "-c", f"{directory}/config.toml"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                if subprocess.run(["ctr", "-a", f"{directory}/c.sock", "version"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.05)
            for name in held:
                self.fetch(name, origin, directory)
            before = cpu_of(daemon.pid)
            result = self.fetch(image, origin, directory)
            result["cpu"] += cpu_of(daemon.pid) - before
            result["peak"] = max(result["peak"], peak_of(daemon.pid))
            return result
        finally:
            daemon.terminate()
            daemon.wait()
            shutil.rmtree(directory, ignore_errors=True)

    def fetch(self, image, origin, directory):
        return measured(["ctr", "-a", f"{directory}/c.sock", "content", "fetch", "--plain-http",
                         f"localhost:{origin.port}/bench/{image}:latest"])


class Layerd(Runner):
    """The daemon with default settings on a fresh state directory; layerctl asks it. Both count."""
    name, splits = "layerd", True

    def run(self, image, origin, held=()):
        with Daemon(self.bench, self.work(), origin) as daemon:
            for name in held:
                daemon.pull(name)
            result = daemon.pull(image)
            result["idle"], result["ready"] = daemon.idle, daemon.ready
            return result


class Daemon:
    """A layerd of this run."""

    def __init__(self, bench, directory, origin):
        self.bench, self.directory, self.origin = bench, directory, origin
        self.socket = tempfile.mktemp(prefix="layerd-bench-", suffix=".sock", dir="/tmp")

    def __enter__(self):
        host = f"localhost:{self.origin.port}"
        trust = f'ca = "{self.bench.origin.ca}"' if self.origin.tls else "insecure = true"
        (self.directory / "layerd.toml").write_text(
            f'[control]\nsocket = "{self.socket}"\n[mirror]\nlisten = []\n[registry."{host}"]\n'
            f'endpoint = "{self.origin.url}"\n{trust}\n')
        began = time.monotonic()
        self.log = open(self.directory / "log", "w+")
        self.process = subprocess.Popen(
            [f"{self.bench.bin}/layerd", "--config", f"{self.directory}/layerd.toml", "--state-dir", f"{self.directory}/state"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() - began > 10:
                raise RuntimeError("layerd did not start: " + pathlib.Path(self.directory / "log").read_text()[-400:])
            time.sleep(0.001)
        self.ready = time.monotonic() - began
        time.sleep(0.2)
        self.idle = memory_of(self.process.pid, "VmRSS")
        return self

    def pull(self, image):
        before = cpu_of(self.process.pid)
        result = measured([f"{self.bench.bin}/layerctl", "-H", f"unix://{self.socket}", "pull", "-q",
                           f"localhost:{self.origin.port}/bench/{image}:latest"])
        result["cpu"] += cpu_of(self.process.pid) - before
        result["peak"] = max(result["peak"], peak_of(self.process.pid))
        return result

    def settled(self):
        """Resident memory (MB) when what follows a pull is done: layers are inflated once, and memory is given back."""
        before, quiet = cpu_of(self.process.pid), 0
        for _ in range(240):
            time.sleep(0.5)
            now = cpu_of(self.process.pid)
            quiet = quiet + 1 if now - before < 0.02 else 0
            before = now
            if quiet == 24:
                break
        return memory_of(self.process.pid, "VmRSS")

    def __exit__(self, *_):
        # Its background work on this run's image is of no use: the state goes.
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory)
        pathlib.Path(self.socket).unlink(missing_ok=True)
