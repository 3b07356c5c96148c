"""S8 and S9: what TLS costs. Started by run.py."""

import contextlib
import subprocess

from names import NameServer
from programs import Failed, receiver, send, sent

# Full handshakes a message, at most.
HANDSHAKES_GOAL = 1 / 50


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


def handshakes(bench, rows, sites):
    """A campaign to so many sites, each found by DNS: what the sink saw of sessions and handshakes."""
    place = bench.list(rows, sites)
    with bench.data() as data, receiver("posthaste sink", bench.folder, *certificate(bench)) as (port, sink):
        names = NameServer("127.0.0.1", sites)
        with contextlib.closing(names):
            process = send(place / "personal.toml", by_dns(bench, port, names.port), data, bench.folder)
            ended, summary = sent(process, rows)
        counted = sink.stop().json()
    if counted["recipients"] != rows:
        raise Failed(f"the sink counted otherwise: {counted}")
    return ended, summary, counted


def by_dns(bench, port, names_port):
    """As shipped, but for the name server and the exchangers' port."""
    file = bench.folder / f"engine-dns-{port}.toml"
    file.write_text(
        f'[engine]\nhostname = "bench.acme.example"\n[delivery]\nsink = false\nport = {port}\n'
        f'[dns]\nservers = ["127.0.0.1:{names_port}"]\n[log]\nlevel = "warn"\n'
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
    ended, summary, counted = handshakes(bench, rows, sites)
    full = counted["tls_sessions"] - counted["tls_resumed"]
    bench.table.add(
        "S9", f"full handshakes a message, {sites} sites", "< 1/50", "", f"1/{rows / max(1, full):,.0f}", "",
        full / rows < HANDSHAKES_GOAL,
    )
    all_of_them = rows / max(1, counted["tls_sessions"])
    bench.table.add("S9", "all handshakes a message, resumed ones too", "", "", f"1/{all_of_them:,.0f}", "", None)
    bench.table.add("S9", "messages/s", "", "", f"{rows / ended.wall_s:,.0f}", "", None)
    print(f"   {counted['sessions']} sessions, {summary['sessions']} counted by the sender", flush=True)


MEASUREMENTS = {"S8": s8, "S9": s9}
