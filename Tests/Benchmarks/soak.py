"""Many pulls of small images one after the other: what the daemon keeps of each of them, in memory and descriptors."""
import http.client
import json
import os
import pathlib
import socket

import runners

EARLY = 200  # pulls after which the daemon counts as warm


class Control(http.client.HTTPConnection):
    """The control socket."""

    def __init__(self, path):
        super().__init__("layerd", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def state_of(pid):
    return {"anonymous": runners.memory_of(pid, "RssAnon"), "resident": runners.memory_of(pid, "VmRSS"),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": len(os.listdir(f"/proc/{pid}/task"))}


def run(bench, pulls):
    """Pulls so many distinct images; prints and returns the daemon's state early and late."""
    names = bench.images.small(pulls)
    with runners.Daemon(bench, runners.Layerd(bench).work(), bench.places["near"]) as daemon:
        control, early = Control(daemon.socket), {}
        for number, name in enumerate(names):
            control.request("POST", f"/v1.43/images/create?fromImage=localhost:{bench.origin.plain}/bench/{name}&tag=latest")
            last = control.getresponse().read().decode().strip().splitlines()[-1]
            if "error" in json.loads(last):
                raise SystemExit(f"bench: pull {number} of {name}: {last}")
            if number + 1 == min(EARLY, pulls // 2):
                early = state_of(daemon.process.pid)
        late = state_of(daemon.process.pid)
        control.close()
    print(f"\n{pulls} pulls of small images: after {min(EARLY, pulls // 2)}: {show(early)}; after all: {show(late)}", flush=True)
    return {"early": early, "late": late}


def show(state):
    return (f"{state['anonymous']:.1f} MB of its own, {state['resident']:.1f} MB resident, {state['descriptors']} descriptors, "
            f"{state['threads']} threads")
