#!/usr/bin/env python3
"""What layerd costs beside the bare limit and its peers, on the same work, in one run.

Whole processes are measured in alternation, so that what else the machine does falls on all alike; medians are reported,
and ratios to the bare libcurl program. Run by `make bench` and `make bench-quick`.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from images import Images  # noqa: E402
from origin import Origin  # noqa: E402
import engines  # noqa: E402
import report  # noqa: E402
import runners  # noqa: E402
import serving  # noqa: E402
import soak  # noqa: E402

PULLS = 2000  # of small images in sequence
EXTRAS = ("life", "again", "mirror", "engines", "soak")


class Place:
    """One way to the origin."""

    def __init__(self, port, tls=False):
        self.port, self.tls = port, tls
        self.url = f"{'https' if tls else 'http'}://localhost:{port}"


class Bench:
    def __init__(self, options):
        self.options = options
        self.bin = options.bin
        self.directory = pathlib.Path(options.directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.scratch = self.directory / "scratch"
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        self.bare = self.compile("bare", "-lcurl", "-lcrypto")
        self.images = Images(self.directory / "images")
        if not options.quick:
            self.images.small(PULLS)
        self.origin = Origin(self.directory / "origin", self.images, self.compile("far"))
        o = self.origin
        self.places = {"near": Place(o.plain), "near, TLS": Place(o.tls, True), "far": Place(o.far),
                       "far, TLS": Place(o.far_tls, True)}

    def compile(self, name, *libraries):
        program = self.directory / name
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, HERE / f"{name}.c", *libraries], check=True)
        return str(program)

    def measure(self, title, image, place, programs, runs, held=()):
        """Runs every program `runs` times in alternation; the first program is the reference."""
        results = {program.name: [] for program in programs}
        for turn in range(runs):
            for program in programs:
                os.sync()
                mark = self.origin.mark()
                try:
                    result = program.run(image, self.places[place], held)
                except RuntimeError as error:
                    print(f"  {program.name} failed: {error}", flush=True)
                    continue
                if not held:
                    result["requests"], result["connections"] = self.origin.requests(mark)
                else:
                    result["requests"], result["connections"] = {}, 0
                results[program.name].append(result)
        reference = results[programs[0].name]
        rows = [report.row(name, runs, reference) for name, runs in results.items() if runs]
        print(f"\n### {title}\n\n{report.table(rows)}", flush=True)
        return rows


def scenarios(bench, quick):
    """(title, image, place, programs, held)"""
    def bare(n, **kw):
        return runners.Bare(bench, f"bare, {n} connections" + (", ranges" if kw.get("ranges") else "")
                            + (", fsync" if kw.get("durable") else ""), n, **kw)
    layerd = runners.Layerd(bench)
    peers = [p for p in (runners.CurlAndHash(bench), runners.Skopeo(bench), runners.Containerd(bench), runners.Aria(bench))
             if p.available()]
    if quick:
        peers = peers[:1]
    tls_peers = [p for p in peers if p.tls]
    ranges = 8 << 20
    yield "Cold pull of A, near", "a", "near", [bare(8, durable=True), bare(8), layerd, *peers], ()
    yield "Cold pull of C, near", "c", "near", [bare(16, durable=True), layerd, *peers], ()
    yield "B after A, near", "b", "near", [bare(8, durable=True), layerd, *[p for p in peers if p.b_after_a]], ("a",)
    yield "Cold pull of A, far", "a", "far", [bare(16, ranges=ranges, durable=True), layerd, *peers], ()
    yield "Cold pull of C, far", "c", "far", [bare(16, durable=True), bare(64, durable=True), layerd, *peers], ()
    if quick:
        return
    yield "Cold pull of A, near, TLS", "a", "near, TLS", [bare(8, durable=True), layerd, *tls_peers], ()
    yield "Cold pull of A, far, TLS", "a", "far, TLS", [bare(16, ranges=ranges, durable=True), layerd, *tls_peers], ()
    yield "Cold pull of C, far, TLS", "c", "far, TLS", [bare(16, durable=True), layerd, *tls_peers], ()


def once(bench):
    """(title, image, place, programs): the engines unpack as well, for half a minute and more; once is enough."""
    unpacking = [p for p in (engines.Podman(bench), engines.Docker(bench)) if p.available()]
    if unpacking:
        yield ("Cold pull of A, near, beside engines that unpack", "a", "near",
               [runners.Bare(bench, "bare, 8 connections, fsync", 8, durable=True), runners.Layerd(bench), *unpacking])


def again(bench, place, runs):
    """A pulled again when all of it is there: one HEAD, and what it takes beyond the round trip."""
    walls, kinds = [], {}
    with runners.Daemon(bench, runners.Layerd(bench).work(), bench.places[place]) as daemon:
        daemon.pull("a")
        for _ in range(runs):
            mark = bench.origin.mark()
            walls.append(daemon.pull("a")["wall"])
            kinds, _ = bench.origin.requests(mark)
    wall = report.middle(walls)
    print(f"\nA again, {place}: {wall * 1000:.1f} ms (layerctl's start included), upstream: {kinds}", flush=True)
    return {"wall": wall, "requests": kinds}


def life(bench, runs):
    """From its start on a new state directory until its socket is there, what it holds then, and after a large pull."""
    ready, idle, after = [], [], []
    for _ in range(runs):
        with runners.Daemon(bench, runners.Layerd(bench).work(), bench.places["near"]) as daemon:
            ready.append(daemon.ready)
            idle.append(daemon.idle)
            if len(ready) == 1:
                daemon.pull("a")
                after.append(daemon.settled())
    result = {"ready": report.middle(ready), "idle": max(idle), "afterPull": after[0]}
    print(f"\nStart to ready: {result['ready'] * 1000:.0f} ms; resident when idle: {result['idle']:.1f} MB, "
          f"and {result['afterPull']:.1f} MB after a pull of A", flush=True)
    return result


def measure(bench, options):
    """(scenario rows by title, other figures)"""
    rows, figures = {}, {}
    for title, image, place, programs, held in scenarios(bench, options.quick):
        if not options.only or options.only in title:
            rows[title] = bench.measure(title, image, place, programs, 3 if options.quick else options.runs, held)
    if options.only and options.only not in EXTRAS:
        return rows, figures
    wanted = lambda extra: options.only in (None, extra)
    if wanted("life"):
        figures["life"] = life(bench, 5)
    if wanted("again"):
        figures["again"] = {place: again(bench, place, 5) for place in ("near", "far")}
    if options.quick:
        return rows, figures
    if wanted("mirror"):
        print("\nHot blobs from the mirror, beside nginx", flush=True)
        figures["mirror"] = serving.rows(f"{bench.bin}/layerd")
    if wanted("engines"):
        for title, image, place, programs in once(bench):
            rows[title] = bench.measure(title, image, place, programs, 1)
    if wanted("soak"):
        figures["soak"] = soak.run(bench, PULLS)
    return rows, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="where layerd and layerctl are")
    parser.add_argument("--directory", default=".build/bench")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three runs, fewer peers, no TLS: under two minutes")
    parser.add_argument("--only", help=f"scenarios whose title contains this, or one of {', '.join(EXTRAS)}")
    parser.add_argument("--save-baseline", action="store_true", help="keep the result as what later runs are compared with")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        rows, figures = measure(bench, options)
    finally:
        bench.origin.stop()
        shutil.rmtree(bench.scratch, ignore_errors=True)
    report.save({"scenarios": rows, "figures": figures}, bench.directory / "results.json")
    report.chart(rows, bench.directory / "chart.svg")
    baseline = HERE / "baseline.json"
    if options.save_baseline:
        report.save({"scenarios": rows, "figures": figures}, baseline)
        report.chart(rows, HERE / "chart.svg")
    elif baseline.exists():
        for note in report.moved(rows, json.loads(baseline.read_text())["scenarios"]):
            print("moved: " + note)
    print(f"\nresults: {bench.directory}/results.json, chart: {bench.directory}/chart.svg")


if __name__ == "__main__":
    main()
