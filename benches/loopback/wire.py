"""S8 to S10: what TLS and look-ups cost. Started by run.py."""

import contextlib
import subprocess
import time

import programs
from programs import Failed, Process, receiver, send, sent

# Full handshakes a message, at most.
HANDSHAKES_GOAL = 1 / 50
# Where the name server says that every exchanger is.
EXCHANGERS = "127.0.0.2"


def certificate(bench):
    """The sink's flags for STARTTLS, with a certificate made here (ECDSA P-256, as most servers have)."""
    chain, key = bench.folder / "tls.pem", bench.folder / "tls.key"
    if not key.exists():
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"]
        words += ["-subj", "/CN=sink.example", "-keyout", str(key), "-out", str(chain)]
        subprocess.run(words, capture_output=True, check=True)
    return ["--tls-cert", str(chain), "--tls-key", str(key)]


def tls_against_clear(bench, pairs, rows):
    """The same campaign over TLS 1.3 and in clear text, overlapped: CPU µs a message of both, in pairs."""
    inside = certificate(bench)

    def cost(*flags):
        ended, _ = bench.send_all("personal.toml", rows, bench.engine(chunking=False), "posthaste sink", *flags)
        return ended.cpu_s * 1e6 / rows, rows / ended.wall_s

    return pairs(lambda: cost(*inside), cost)


@contextlib.contextmanager
def name_server(folder):
    """The server of benches/resolver.rs, as its address: dN.example has the exchanger mxN.example, dN.shared.example one
    of 500, and each of these the address EXCHANGERS."""
    process = Process([programs.RESOLVER, "serve"], folder)
    try:
        for _ in range(500):
            if address := process.read(process.out).strip():
                break
            time.sleep(0.01)
        else:
            raise Failed(f"the name server does not start: {process.complaint()}")
        yield address
    finally:
        process.stop()


def send_by_dns(bench, rows, domains, zone, *sink_flags):
    """A campaign to so many domains, each found by DNS: how it ended, and what the sink saw."""
    place = bench.list(rows, domains, zone)
    taking = receiver("posthaste sink", bench.folder, *sink_flags, address=EXCHANGERS)
    with bench.data() as data, name_server(bench.folder) as names, taking as (port, sink):
        process = send(place / "personal.toml", by_dns(bench, port, names), data, bench.folder)
        ended, summary = sent(process, rows)
        counted = sink.stop().json()
    if counted["recipients"] != rows:
        raise Failed(f"the sink counted otherwise: {counted}")
    return ended, summary, counted


def by_dns(bench, port, names):
    """As shipped, but for the name server and the exchangers' port."""
    file = bench.folder / f"engine-dns-{port}.toml"
    file.write_text(
        f'[engine]\nhostname = "bench.acme.example"\n[delivery]\nroute = "mx"\nport = {port}\n'
        f'[dns]\nservers = ["{names}"]\nallow_loopback = true\n[log]\nlevel = "warn"\n'
    )
    return file


def s8(bench, pairs, scaled, median, spread):
    """TLS 1.3 against clear text: personalised 10 KB, overlapped, 100 sessions, unsigned."""
    measured = tls_against_clear(bench, pairs, scaled(100_000))
    ratios = [inside[0] / clear[0] for inside, clear in measured]
    bench.table.add(
        "S8", "TLS 1.3: CPU µs a message, against clear text", "≤ 1.7 ×", f"{median([b[0] for _, b in measured]):.2f}",
        f"{median([a[0] for a, _ in measured]):.2f}", spread(ratios), median(ratios) <= 1.7,
    )
    rates = [(inside[1], clear[1]) for inside, clear in measured]
    bench.table.add(
        "S8", "messages/s", "", f"{median([b for _, b in rates]):,.0f}", f"{median([a for a, _ in rates]):,.0f}",
        spread([a / b for a, b in rates]), None,
    )


def s9(bench, _pairs, scaled, _median, _spread):
    """TLS handshakes: 100,000 recipients over 500 sites found by DNS."""
    rows, sites = scaled(100_000), max(2, scaled(100_000) // 200)
    ended, summary, counted = send_by_dns(bench, rows, sites, "", *certificate(bench))
    full = counted["tls_sessions"] - counted["tls_resumed"]
    bench.table.add(
        "S9", f"full handshakes a message, {sites} sites", "< 1/50", "", f"1/{rows / max(1, full):,.0f}", "",
        full / rows < HANDSHAKES_GOAL,
    )
    all_of_them = rows / max(1, counted["tls_sessions"])
    bench.table.add("S9", "all handshakes a message, resumed ones too", "", "", f"1/{all_of_them:,.0f}", "", None)
    bench.table.add("S9", "messages/s", "", "", f"{rows / ended.wall_s:,.0f}", "", None)
    print(f"   {counted['sessions']} sessions, {summary['sessions']} counted by the sender", flush=True)


def s10(bench, _pairs, scaled, median, _spread):
    """Look-ups while sending: one recipient at each of 200,000 domains, over 500 exchangers, nothing known before."""
    domains, rates, cpu = scaled(200_000), [], []
    for _ in range(1 if domains < 200_000 else 3):
        ended, _, _ = send_by_dns(bench, domains, domains, "shared.")
        rates.append(domains / ended.wall_s)
        cpu.append(ended.cpu_s * 1e6 / domains)
    bench.table.add(
        "S10", "domains looked up and delivered to, a second", "≥ 5,000", "", f"{median(rates):,.0f}",
        f"({min(rates):,.0f}–{max(rates):,.0f})", median(rates) >= 5_000,
    )
    bench.table.add("S10", "CPU µs a domain, message and all", "", "", f"{median(cpu):.1f}", "", None)


MEASUREMENTS = {"S8": s8, "S9": s9, "S10": s10}
