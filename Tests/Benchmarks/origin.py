"""The origins: nginx that serves the images as a registry does, near (plain and TLS) and behind a long line."""
import collections
import os
import pathlib
import socket
import subprocess
import time

FAR_DELAY_MS, FAR_RATE = 40, 30_000_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"bench: nothing listens at port {port}")


class Origin:
    """nginx on free ports: `plain` and `tls` near, `far` and `far_tls` through the long line."""

    def __init__(self, directory, images, far_program):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.plain, self.tls, self.far, self.far_tls = (free_port() for _ in range(4))
        self.log = self.directory / "access.log"
        self.certificates()
        digests = "\n".join(
            f'    "/v2/bench/{name}/manifests/latest" "sha256:{image["manifest"]}";\n'
            f'    "/v2/bench/{name}/manifests/sha256:{image["manifest"]}" "sha256:{image["manifest"]}";'
            for name, image in images.images.items())
        (self.directory / "nginx.conf").write_text(CONFIGURATION.format(
            directory=self.directory, root=images.directory / "root", digests=digests, plain=self.plain, tls=self.tls,
            user="user root;" if os.geteuid() == 0 else ""))
        self.children = [subprocess.Popen(["nginx", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf")])]
        for port, upstream in ((self.far, self.plain), (self.far_tls, self.tls)):
            self.children.append(subprocess.Popen(
                [far_program, str(port), str(upstream), str(FAR_DELAY_MS), str(FAR_RATE)], stdout=subprocess.DEVNULL))
        try:
            for port in (self.plain, self.tls, self.far, self.far_tls):
                wait_for(port)
        except SystemExit:
            self.stop()
            raise

    def certificates(self):
        ca, key = self.directory / "ca.pem", self.directory / "ca.key"
        self.ca = ca
        if ca.exists():
            return
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", ca],
            check=True, stderr=subprocess.DEVNULL)

    def mark(self):
        """Where the log is now: what comes after it belongs to the next run."""
        return self.log.stat().st_size if self.log.exists() else 0

    def requests(self, since):
        """What was asked since then, by kind, and over how many connections."""
        time.sleep(0.05)
        kinds, connections = collections.Counter(), set()
        with open(self.log) as log:
            log.seek(since)
            for line in log:
                method, uri, ranged, status, connection = line.split("\t")
                kind = "man" if "/manifests/" in uri else "blob" if "/blobs/" in uri else "v2"
                kinds[f"{method} {kind}{' range' if ranged != '-' else ''}{'' if status < '300' else ' ' + status}"] += 1
                connections.add(connection)
        return dict(kinds), len(connections)

    def stop(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait()


CONFIGURATION = """daemon off; worker_processes 1; {user}
pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  log_format bench_range '$request_method\\t$uri\\t$bench_range\\t$status\\t$connection';
  map_hash_bucket_size 256;
  map $http_range $bench_range {{ "" "-"; default "r"; }}
  access_log {directory}/access.log bench_range;
  map $uri $digest {{
    default "";
{digests}
  }}
  sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{plain} backlog=1024; listen 127.0.0.1:{tls} ssl backlog=1024; root {root};
    ssl_certificate {directory}/ca.pem; ssl_certificate_key {directory}/ca.key; ssl_session_cache shared:s:1m;
    location = /v2/ {{ return 200 "{{}}"; }}
    location ~ /manifests/ {{
      default_type application/vnd.oci.image.manifest.v1+json; add_header Docker-Content-Digest $digest;
    }}
    location / {{ }}
  }}
}}
"""
