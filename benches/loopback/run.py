#!/usr/bin/env python3
"""Measures S1 to S10; started by ../loopback.sh, which says what they are.

Where there is a peer, both run in pairs, one after the other, in turn first; a warm-up pair is thrown away; what is told
is the median, and the median of the pairs' ratios.
"""

import contextlib
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import os
import urllib.request

import programs
import wire
from programs import BYTES, SESSIONS, Failed, Machine, Process, free_port, receiver, send, sent, smtp_source

HERE = pathlib.Path(__file__).parent
QUICK = bool(os.environ.get("QUICK"))
PAIRS = 1 if QUICK else max(5, int(os.environ.get("PAIRS", "5")))
median = statistics.median


def scaled(number):
    return max(100, number // 50) if QUICK else number


class Table:
    """What was measured, a row at a time."""

    HEAD = ("", "what", "goal", "peer", "posthaste", "ratio", "verdict")

    def __init__(self):
        self.rows = []

    def add(self, name, what, goal, peer, ours, ratio, passed):
        row = (name, what, goal, peer, ours, ratio, {True: "pass", False: "SHORT", None: ""}[passed])
        self.rows.append(row)
        print("   " + "  ".join(cell for cell in row if cell), flush=True)

    def missed(self):
        return sum(row[-1] == "SHORT" for row in self.rows)

    def print(self):
        rows = [self.HEAD, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.HEAD))]
        print()
        for number, row in enumerate(rows):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
            if number == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


class Bench:
    """The folder that everything happens in, and the lists in it."""

    def __init__(self, folder):
        self.folder, self.table, self.runs = folder, Table(), 0
        self.key = folder / "s1.pem"

    def list(self, rows, domains=500, zone=""):
        """A folder with the campaigns and a list of so many rows; the domains are those below `zone`."""
        place = self.folder / f"list-{rows}-{domains}-{zone}"
        if not place.exists():
            place.mkdir()
            for file in HERE.iterdir():
                if file.suffix in (".html", ".txt", ".toml"):
                    shutil.copy(file, place)
            words = ["awk", "-v", f"rows={rows}", "-v", f"domains={domains}", "-v", f"zone={zone}", "-f", str(HERE / "list.awk")]
            with (place / "list.csv").open("w") as file:
                subprocess.run(words, stdout=file, check=True)
        return place

    def engine(self, sessions=SESSIONS, chunking=True, signed=False):
        """A configuration; its file."""
        text = (HERE / "engine.toml").read_text()
        text = text.replace("= SESSIONS", f"= {sessions}").replace("= CHUNKING", f"= {str(chunking).lower()}")
        if signed:
            text += f'[[dkim]]\ndomain = "acme.example"\nselector = "s1"\nkey = "{self.rsa_key()}"\n'
        file = self.folder / f"engine-{sessions}-{chunking}-{signed}.toml"
        file.write_text(text)
        return file

    def rsa_key(self):
        if not self.key.exists():
            words = ["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
            made = subprocess.run([*words, "-out", self.key], capture_output=True, check=False)
            if made.returncode != 0:  # An openssl that knows no -quiet.
                words.remove("-quiet")
                subprocess.run([*words, "-out", self.key], capture_output=True, check=True)
        return self.key

    @contextlib.contextmanager
    def data(self):
        """A data folder for one run."""
        self.runs += 1
        place = self.folder / f"data-{self.runs}"
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def send_all(self, campaign, rows, engine, kind, *sink_flags):
        """One whole campaign into a receiver of its own: (ended, summary, received)."""
        place = self.list(rows)
        with self.data() as data, receiver(kind, self.folder, *sink_flags) as (port, sink):
            machine = Machine()
            process = send(place / campaign, engine, data, self.folder, "--smarthost", f"127.0.0.1:{port}")
            ended, summary = sent(process, rows)
            received = sink.stop()
            ended.others = machine.others_share(ended.cpu_s + received.cpu_s, ended.wall_s)
            ended.sink_cpu_s = received.cpu_s
            if kind == "posthaste sink":
                counted = received.json()
                if counted["recipients"] != rows or counted["duplicates"]:
                    raise Failed(f"the sink counted otherwise: {counted}")
                ended.octets = counted["bytes"] // max(1, counted["messages"])
        return ended, summary

    def source_all(self, messages, recipients, kind):
        """The same from smtp-source."""
        with receiver(kind, self.folder) as (port, sink):
            machine = Machine()
            ended = smtp_source(port, messages, recipients, self.folder)
            received = sink.stop()
            ended.others = machine.others_share(ended.cpu_s + received.cpu_s, ended.wall_s)
            ended.sink_cpu_s = received.cpu_s
        return ended


def pairs(ours, peer):
    """Runs both in turn; the list of (ours, peer), without the warm-up."""
    measured = []
    for number in range(PAIRS + 1):
        if number % 2:
            pair = (ours(), peer())
        else:
            theirs = peer()
            pair = (ours(), theirs)
        if number or QUICK:
            measured.append(pair)
    return measured


def spread(values, digits=2):
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def against_source(bench, name, unit, campaign, messages, recipients, cpu_goal, rate_goal):
    """S1 and S2: CPU and speed for each recipient against smtp-source, into either receiver."""
    count = messages * recipients
    for kind in ("smtp-sink", "posthaste sink"):
        measured = pairs(
            lambda: bench.send_all(campaign, count, bench.engine(), kind)[0],
            lambda: bench.source_all(messages, recipients, kind),
        )
        cpu = [(a.cpu_s * 1e6 / count, b.cpu_s * 1e6 / count) for a, b in measured]
        rate = [(count / a.wall_s, count / b.wall_s) for a, b in measured]
        others = median([run.others for pair in measured for run in pair])
        ratios = [a / b for a, b in cpu]
        bench.table.add(
            name, f"CPU µs a {unit}, into {kind}", f"≤ {cpu_goal:.1f} ×", f"{median([b for _, b in cpu]):.2f}",
            f"{median([a for a, _ in cpu]):.2f}", spread(ratios), median(ratios) <= cpu_goal,
        )
        ratios = [a / b for a, b in rate]
        passed = median(ratios) >= rate_goal if rate_goal else None
        bench.table.add(
            name, f"{unit}s/s, into {kind}", f"≥ {rate_goal:.1f} ×" if rate_goal else "",
            f"{median([b for _, b in rate]):,.0f}", f"{median([a for a, _ in rate]):,.0f}", spread(ratios), passed,
        )
        sinks = [(a.sink_cpu_s * 1e6 / count, b.sink_cpu_s * 1e6 / count) for a, b in measured]
        note = f"the receiver's own CPU: {median([b for _, b in sinks]):.2f} and {median([a for a, _ in sinks]):.2f} µs"
        print(f"   {note}; others used {others:.0%} of the machine", flush=True)
        if kind == "posthaste sink":
            print(f"   a message has {measured[0][0].octets} octets, smtp-source's {BYTES}")


def s1(bench):
    """The same content for everyone, 100 recipients a transaction."""
    against_source(bench, "S1", "recipient", "same.toml", scaled(5_000), 100, 0.5, 1.5)


def s2(bench):
    """Personalised, unsigned."""
    against_source(bench, "S2", "message", "personal.toml", scaled(100_000), 1, 1.0, None)


def s3(bench):
    """Personalised and signed, against the bare signature on every core at once."""
    rows, count = scaled(30_000), scaled(6_000)

    def bare(threads):
        process = Process([programs.SIGNATURE, str(bench.rsa_key()), str(threads), str(count)], bench.folder)
        ended = process.wait()
        if ended.code != 0:
            raise Failed(f"the bare signature: {process.complaint()}")
        return ended.json()["cpu_us_each"]

    def ours():
        ended, summary = bench.send_all("personal.toml", rows, bench.engine(signed=True), "posthaste sink")
        return ended.cpu_s * 1e6 / rows, rows / ended.wall_s, ended.cpu_s / summary["elapsed_s"]

    alone = bare(1)
    measured = pairs(ours, lambda: bare(programs.CORES))
    ratios = [a[0] / b for a, b in measured]
    bench.table.add(
        "S3", "CPU µs a signed message, against a bare signature", "≤ 1.12 ×", f"{median([b for _, b in measured]):.1f}",
        f"{median([a[0] for a, _ in measured]):.1f}", spread(ratios, 3), median(ratios) <= 1.12,
    )
    rate, cores = median([a[1] for a, _ in measured]), median([a[2] for a, _ in measured])
    bench.table.add(
        "S3", "messages/s, and cores in use", "", f"{1e6 * programs.CORES / median([b for _, b in measured]):,.0f}",
        f"{rate:,.0f}, {cores:.2f} of {programs.CORES}", "", None,
    )
    print(f"   one signature with the other cores idle: {alone:.1f} µs", flush=True)


def s4(bench):
    """20 ms a round trip."""
    for mode, chunking, rows, goal in (("overlapped", False, 75_000, 4_500), ("chunked", True, 400_000, 30_000)):
        rows, rates, others = scaled(rows), [], []
        for _ in range(1 if QUICK else 3):
            engine = bench.engine(chunking=chunking)
            ended, summary = bench.send_all("personal.toml", rows, engine, "posthaste sink", "--rtt-ms", "20")
            rates.append(rows / summary["elapsed_s"])
            others.append(ended.others)
        bench.table.add(
            "S4", f"messages/s at 20 ms, {mode}", f"≥ {goal:,}", "", f"{median(rates):,.0f}",
            f"({min(rates):,.0f}–{max(rates):,.0f})", median(rates) >= goal,
        )
        print(f"   others used {median(others):.0%} of the machine", flush=True)


class Watch:
    """Reads a running send's metrics and memory a few times a second."""

    def __init__(self, process, port):
        self.process, self.port, self.seen, self.memory = process, port, [], {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.1):
            with contextlib.suppress(OSError, ValueError):
                self.look()

    def look(self):
        page = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5).read().decode()
        values = {}
        for line in page.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        at = time.monotonic() - self.process.began
        delivered = values.get('posthaste_recipients_total{outcome="delivered"}', 0)
        self.seen.append((at, values.get("posthaste_recipients_loaded", 0), delivered))
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith(("VmHWM", "RssAnon", "RssFile", "RssShmem")):
                name, value = line.split(":")
                self.memory[name] = max(self.memory.get(name, 0), int(value.split()[0]) * 1024)

    def loaded_at(self, rows):
        """When so many rows had been loaded, in seconds."""
        return next((at for at, loaded, _ in self.seen if loaded >= rows), None)

    def delivered(self):
        return self.seen[-1][2] if self.seen else 0

    def end(self):
        self.over.set()
        self.thread.join()


def megabytes(octets):
    return f"{octets / 1e6:,.0f} MB"


def s5(bench):
    """Ten million recipients, the receiver inside the process."""
    rows, domains = scaled(10_000_000), scaled(200_000)
    few, few_domains = scaled(100_000), scaled(2_000)
    engine = bench.engine()

    def start(place, data, *where):
        port = free_port()
        process = send(place / "personal.toml", engine, data, bench.folder, "--metrics", f"127.0.0.1:{port}", *where)
        return process, Watch(process, port)

    def whole(count, over):
        with bench.data() as data:
            process, watch = start(bench.list(count, over), data, "--sink")
            ended, summary = sent(process, count)
            watch.end()
        return ended, summary, watch

    cpu_few = []
    for _ in range(1 if QUICK else 3):
        ended, _, _ = whole(few, few_domains)
        cpu_few.append(ended.cpu_s * 1e6 / few)
    load_alone = load_without_sending(bench, start, rows, domains)
    ended, summary, watch = whole(rows, domains)
    loaded_at = watch.loaded_at(rows) or summary["elapsed_s"]
    first = summary["first_delivery_s"]
    bench.table.add("S5", "first delivery, s", "≤ 2", "", f"{first:.2f}", "", first <= 2)
    bench.table.add(
        "S5", "rows loaded/s, nothing being sent", "≥ 500,000", "", f"{load_alone:,.0f}", "", load_alone >= 500_000
    )
    bench.table.add("S5", "rows loaded/s, while sending", "", "", f"{rows / loaded_at:,.0f}", "", None)
    memory, hwm = watch.memory, ended.rss_bytes
    bench.table.add("S5", "peak RSS, the sink's part included", "≤ 600 MB", "", megabytes(hwm), "", hwm <= 600e6)
    parts = ", ".join(f"{name} {megabytes(octets)}" for name, octets in sorted(memory.items()))
    print(f"   the highest seen of each part: {parts}")
    cpu, small = ended.cpu_s * 1e6 / rows, median(cpu_few)
    bench.table.add(
        "S5", f"CPU µs a message, against {few:,} recipients", "≤ 1.10 ×", f"{small:.2f}", f"{cpu:.2f}",
        f"{cpu / small:.2f}", cpu <= 1.1 * small,
    )
    bench.table.add("S5", "messages/s", "", "", f"{rows / ended.wall_s:,.0f}", "", None)
    resume(bench, start, rows, domains)


def load_without_sending(bench, start, rows, domains):
    """Rows a second when nobody listens where the mail should go."""
    with bench.data() as data:
        process, watch = start(bench.list(rows, domains), data, "--smarthost", f"127.0.0.1:{free_port()}")
        while watch.loaded_at(rows) is None:
            if process.is_over() or time.monotonic() - process.began > 600:
                raise Failed(f"loading did not end: {process.complaint()}")
            time.sleep(0.1)
        watch.end()
        process.send(signal.SIGINT)
        process.wait(60)
        return rows / watch.loaded_at(rows)


def resume(bench, start, rows, domains):
    """Killed at half, started again: until the first new delivery."""
    with bench.data() as data:
        place = bench.list(rows, domains)
        process, watch = start(place, data, "--sink")
        while watch.delivered() < rows / 2:
            if process.is_over() or time.monotonic() - process.began > 1200:
                raise Failed(f"half was never delivered: {process.complaint()}")
            time.sleep(0.05)
        process.send(signal.SIGKILL)
        process.wait()
        watch.end()
        process, watch = start(place, data, "--sink")
        base = None
        while True:
            if process.is_over() or time.monotonic() - process.began > 300:
                raise Failed(f"it did not go on: {process.complaint()}")
            if base is None and watch.seen:
                base = watch.delivered()
            # A while longer, so that the rate shows that it is really going on.
            if time.monotonic() - process.began > 8:
                break
            time.sleep(0.05)
        process.send(signal.SIGINT)
        ended = process.wait(120)
        watch.end()
        summary = ended.json()
        first = summary["first_delivery_s"]
        passed = first is not None and first <= 3
        bench.table.add(
            "S5", "resumed after kill -9 at half: first delivery, s", "≤ 3", "", "none" if first is None else f"{first:.2f}",
            "", passed,
        )
        print(f"   {summary['possible_duplicates']} possible duplicates; peak RSS {megabytes(ended.rss_bytes)}", flush=True)


def s6(bench):
    """A million recipients wait and nobody listens: what waiting costs."""
    rows, seconds = scaled(1_000_000), 5 if QUICK else 30
    place, port = bench.list(rows, scaled(20_000)), free_port()
    with bench.data() as data:
        where = ["--smarthost", f"127.0.0.1:{free_port()}", "--metrics", f"127.0.0.1:{port}"]
        process = send(place / "personal.toml", bench.engine(), data, bench.folder, *where)
        watch = Watch(process, port)
        while watch.loaded_at(rows) is None:
            if process.is_over() or time.monotonic() - process.began > 120:
                raise Failed(f"loading did not end: {process.complaint()}")
            time.sleep(0.1)
        watch.end()
        time.sleep(5)
        before, began = process.cpu_s(), time.monotonic()
        time.sleep(seconds)
        share = (process.cpu_s() - before) / (time.monotonic() - began)
        process.send(signal.SIGINT)
        process.wait(60)
    bench.table.add("S6", f"of a core, over {seconds} s", "< 1 %", "", f"{share:.2%}", "", share < 0.01)


def s7(bench):
    """One session alone."""
    rows, rates, others = scaled(100_000), [], []
    for _ in range(PAIRS):
        ended, summary = bench.send_all("personal.toml", rows, bench.engine(sessions=1), "posthaste sink")
        if summary["sessions"] != 1:
            raise Failed(f"{summary['sessions']} sessions were opened")
        rates.append(rows / summary["elapsed_s"])
        others.append(ended.others)
    bench.table.add(
        "S7", "messages/s over one session", "≥ 15,000", "", f"{median(rates):,.0f}",
        f"({min(rates):,.0f}–{max(rates):,.0f})", median(rates) >= 15_000,
    )
    print(f"   others used {median(others):.0%} of the machine", flush=True)


def of_the_wire(measure):
    """A measurement of wire.py, with what it needs of this file."""

    def run(bench):
        measure(bench, pairs, scaled, median, spread)

    run.__doc__ = measure.__doc__
    return run


MEASUREMENTS = {"S1": s1, "S2": s2, "S3": s3, "S4": s4, "S5": s5, "S6": s6, "S7": s7}
MEASUREMENTS |= {name: of_the_wire(measure) for name, measure in wire.MEASUREMENTS.items()}


def main(names):
    names = list(MEASUREMENTS) if "all" in names else sorted(set(names), key=lambda name: int(name[1:]))
    failures = []
    with tempfile.TemporaryDirectory(prefix="posthaste-bench-") as folder:
        os.chmod(folder, 0o755)
        bench = Bench(pathlib.Path(folder))
        for name in names:
            print(f"{name}: {MEASUREMENTS[name].__doc__.strip()}", flush=True)
            try:
                MEASUREMENTS[name](bench)
            except Failed as why:
                failures.append(name)
                print(f"   FAILED: {why}", flush=True)
            finally:
                Process.end_all()
        bench.table.print()
    if QUICK:
        print("\nQUICK: these figures measure nothing.")
    if failures:
        print(f"\nnot measured: {', '.join(failures)}")
        return 2
    return 1 if bench.table.missed() and not QUICK else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        Process.end_all()
        sys.exit(130)
