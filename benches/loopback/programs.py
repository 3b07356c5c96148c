"""The programs that are measured: started, waited for, and what they cost.

CPU is that of a whole process, from wait4 (all threads, also those that ended); what the rest of the machine did in the
same time is told too, for a busy neighbour makes every figure worse.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count()
POSTHASTE = os.environ["POSTHASTE"]
SIGNATURE = os.environ["SIGNATURE"]
RESOLVER = os.environ["RESOLVER"]
POSTFIX = os.environ["POSTFIX"].rstrip("/")
SESSIONS = 100
BYTES = 10 * 1024
# Nothing here may take longer: a run that does has hung.
RUN_MAX_S = 1800


class Failed(Exception):
    """A measurement that cannot be had."""


class Ended:
    """How a process ended, and what it cost."""

    def __init__(self, status, usage, wall_s, said):
        self.code = os.waitstatus_to_exitcode(status)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.system_s = usage.ru_stime
        self.rss_bytes = usage.ru_maxrss * 1024
        self.wall_s = wall_s
        self.said = said

    def json(self):
        """The JSON object that it ended with."""
        try:
            return json.loads(self.said.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise Failed(f"no JSON object at its end, but: {self.said[-300:]!r}") from None


class Process:
    """A running process whose end is waited for with its cost."""

    live = set()

    def __init__(self, words, folder, libraries=None):
        env = dict(os.environ, LC_ALL="C", **({"LD_LIBRARY_PATH": libraries} if libraries else {}))
        self.words, self.began = words, time.monotonic()
        self.out = (folder / f"out-{id(self)}").open("w+")
        self.err = (folder / f"err-{id(self)}").open("w+")
        self.child = subprocess.Popen(words, stdout=self.out, stderr=self.err, stdin=subprocess.DEVNULL, env=env)
        self.pid = self.child.pid
        Process.live.add(self)

    def wait(self, limit_s=RUN_MAX_S):
        """Waits for the end; after `limit_s` it is killed."""
        killer = threading.Timer(limit_s, self.send, [signal.SIGKILL])
        killer.start()
        try:
            _, status, usage = os.wait4(self.pid, 0)
        finally:
            killer.cancel()
        wall_s = time.monotonic() - self.began
        self.child.returncode = os.waitstatus_to_exitcode(status)
        Process.live.discard(self)
        return Ended(status, usage, wall_s, self.read(self.out))

    def is_over(self):
        """Whether it has ended; its cost can still be had."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def send(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def stop(self):
        """Asks it to end, and waits."""
        self.send(signal.SIGTERM)
        return self.wait(60)

    def complaint(self):
        return self.read(self.err)[-600:]

    def cpu_s(self):
        """CPU so far, to a hundredth of a second."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @staticmethod
    def read(file):
        file.seek(0)
        return file.read()

    @classmethod
    def end_all(cls):
        """Nothing that was started here outlives this program."""
        for process in list(cls.live):
            process.send(signal.SIGKILL)
            process.wait()


class Machine:
    """CPU that everything on the machine has used, to tell what others did meanwhile."""

    def __init__(self):
        self.before = self.busy_s()

    @staticmethod
    def busy_s():
        fields = [int(word) for word in open("/proc/stat").readline().split()[1:9]]
        user, nice, system, _idle, _wait, irq, soft, _steal = fields
        return (user + nice + system + irq + soft) / TICKS

    def others_share(self, ours_s, wall_s):
        """The share of the machine that was used by others, 0 to 1."""
        return max(0.0, (self.busy_s() - self.before - ours_s) / (wall_s * CORES))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_listener(port, process):
    """Waits until somebody listens there; a look into the kernel's table, so that the receiver sees no session of it."""
    wanted = f":{port:04X} "
    for _ in range(500):
        for line in open("/proc/net/tcp"):
            if wanted in line.split("rem")[0][:26] and line.split()[3] == "0A":
                return
        time.sleep(0.01)
    raise Failed(f"{process.words[0]} does not listen: {process.complaint()}")


@contextlib.contextmanager
def receiver(kind, folder, *more, address="127.0.0.1"):
    """`posthaste sink` or `smtp-sink` on a port of its own, as (port, process); ended with the block."""
    port = free_port()
    if kind == "posthaste sink":
        process = Process([POSTHASTE, "sink", "--listen", f"{address}:{port}", "--json", *more], folder)
    else:
        # Postfix's own library folder, for a package that was unpacked and not installed.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        words = [f"{POSTFIX}/usr/sbin/smtp-sink", *user, f"{address}:{port}", "1024"]
        process = Process(words, folder, f"{POSTFIX}/usr/lib/postfix")
    await_listener(port, process)
    try:
        yield port, process
    finally:
        if process in Process.live:
            process.stop()


def smtp_source(port, messages, recipients, folder):
    """Debian's smtp-source: so many messages of 10 KB with so many recipients each, over 100 sessions."""
    words = [f"{POSTFIX}/usr/sbin/smtp-source", "-d", "-s", str(SESSIONS), "-l", str(BYTES), "-m", str(messages)]
    words += ["-r", str(recipients)] if recipients > 1 else []
    words += ["-f", "news@acme.example", "-t", "reader@site.example", f"127.0.0.1:{port}"]
    process = Process(words, folder, f"{POSTFIX}/usr/lib/postfix")
    ended = process.wait()
    if ended.code != 0:
        raise Failed(f"smtp-source left with {ended.code}: {process.complaint()}")
    return ended


def send(campaign, engine, data, folder, *more):
    """Starts `posthaste send`."""
    words = [POSTHASTE, "send", str(campaign), "--config", str(engine), "--data", str(data), "--json", *more]
    return Process(words, folder)


def sent(process, recipients):
    """Waits for a send that must deliver to all of them."""
    ended = process.wait()
    if ended.code != 0:
        raise Failed(f"posthaste send left with {ended.code}: {process.complaint()}")
    summary = ended.json()
    if summary["delivered"] != recipients:
        raise Failed(f"{summary['delivered']} of {recipients} were delivered: {summary}")
    return ended, summary
