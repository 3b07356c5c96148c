#!/usr/bin/env python3
"""Verifies every DKIM signature of messages with dkimpy: dkim_check.py DNS.json MESSAGE...

DNS.json holds the TXT records that a name server would: {"s1._domainkey.acme.example": "v=DKIM1; ..."}. Messages are
files with CRLF line ends. Prints one JSON object: good signatures by algorithm, and what failed ([file, algorithm,
reason], at most 20). The exit code is 0 whatever the verdict.
"""

import json
import sys

import dkim


def algorithm_of(signature):
    tags = (tag.split(b"=", 1) for tag in b"".join(signature.split()).split(b";") if b"=" in tag)
    return dict(tags).get(b"a", b"none").decode()


def judge(message, records):
    def txt(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        return records.get(name.rstrip("."), "").encode() or None

    verifier = dkim.DKIM(message, minkey=1024)
    signatures = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    for index, signature in enumerate(signatures):
        try:
            good = dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=txt)
            yield algorithm_of(signature), None if good else "does not verify"
        except dkim.DKIMException as error:
            yield algorithm_of(signature), str(error)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        records = json.load(file)
    good, failed = {}, []
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            message = file.read()
        for algorithm, error in judge(message, records):
            if error is None:
                good[algorithm] = good.get(algorithm, 0) + 1
            else:
                failed.append([path, algorithm, error])
    print(json.dumps({**good, "failed": failed[:20]}))


main()
