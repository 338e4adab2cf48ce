"""The engines: they unpack what they pull, which is most of what they take. Each run has a store of its own."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from runners import Runner, cpu_of, measured, peak_of


class Podman(Runner):
    name, tls, b_after_a = "podman pull (unpacks)", False, False

    def available(self):
        return os.geteuid() == 0 and shutil.which("podman") is not None

    def run(self, image, origin, held=()):
        directory = self.work()
        try:
            return measured(["podman", "--root", f"{directory}/store", "--runroot", f"{directory}/run", "--storage-driver",
                             "overlay", "pull", "-q", "--tls-verify=false", f"localhost:{origin.port}/bench/{image}:latest"])
        finally:
            subprocess.run(["umount", f"{directory}/store/overlay"], stderr=subprocess.DEVNULL)
            shutil.rmtree(directory, ignore_errors=True)


class Docker(Runner):
    """A dockerd of this run; its containerd and what unpacks for it count as its children."""
    name, tls, b_after_a = "docker pull (unpacks)", False, False

    def available(self):
        return os.geteuid() == 0 and shutil.which("dockerd") is not None and shutil.which("docker") is not None

    def run(self, image, origin, held=()):
        directory = self.work()
        run = pathlib.Path(tempfile.mkdtemp(prefix="layerd-bench-", dir="/tmp"))  # a socket's path is short
        host = f"unix://{run}/d.sock"
        daemon = subprocess.Popen(
            ["dockerd", "--data-root", f"{directory}/data", "--exec-root", f"{run}/exec", "--pidfile", f"{run}/pid", "-H", host,
             "--iptables=false", "--ip6tables=false", "--bridge=none", "--insecure-registry", "localhost"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            for _ in range(300):
                if subprocess.run(["docker", "-H", host, "version"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.1)
            before = self.cpu(daemon.pid)
            result = measured(["docker", "-H", host, "pull", "-q", f"localhost:{origin.port}/bench/{image}:latest"])
            result["cpu"] += self.cpu(daemon.pid) - before
            result["peak"] = max(result["peak"], peak_of(daemon.pid))
            return result
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
            shutil.rmtree(directory, ignore_errors=True)
            shutil.rmtree(run, ignore_errors=True)

    @staticmethod
    def cpu(pid):
        """Of the daemon, of its children, and of theirs that have ended."""
        total = 0.0
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if entry.name == str(pid) or fields[1] == str(pid):
                    total += cpu_of(int(entry.name)) + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
            except (OSError, ValueError):
                continue
        return total
