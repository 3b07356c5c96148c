#!/usr/bin/env python3
"""Writes welcome.csv: 10,000 made-up recipients over 500 domains in reserved TLDs (RFC 2606). The same every time."""
import csv
import random
import sys

FIRST = """Ann Ben Chiara Dmitri Éloïse Fatima Giorgos Håkon Ingrid Jürgen Kaito Łukasz María Nguyễn Özlem Priya Quentin
Rosa Søren Tariq Uwe Valérie Wei Ximena Yusuf Zoë Aoife Bjørn Cécile Daan Eszter Filip Gül Hana Iker João Kwame Lieke
Mélanie Nadia Oksana Pedro Rania Štěpán Thandi Ulla Viktor Wanjiku Yael Žofia 美咲 伟 Анна Νίκος سارة दीपा Jean-Luc
Anne-Marie O'Brien""".split()
LAST = """smith garcia mueller rossi kowalski ivanova nguyen kim tanaka silva jensen dubois novak papadopoulos yilmaz cohen
okafor patel haddad lindqvist vandijk oconnor moreau horvat santos weber martin lopez andersson virtanen""".split()
CITIES = ["Berlin", "São Paulo", "Zürich", "Kraków", "東京", "Αθήνα", "Québec", "Reykjavík", "Nairobi", "Malmö", "Łódź",
          "Washington, D.C.", 'The "Hague"', "Newcastle upon Tyne", "İzmir", "Hà Nội", "Cork", "Bengaluru", "Tbilisi",
          "Lisboa", "Utrecht", "Kyiv", "Ciudad de México", "Aix-en-Provence"]
PLANS = ["free", "team", "business"]
WORDS_A = """blue north river stone silver quick open bright green golden cedar harbor iron maple summit lunar urban prime
velvet amber coral delta ember frost granite""".split()
WORDS_B = """mail post works labs cloud foods media sports design books travel energy health garden motors music paper bikes
coffee films tools""".split()


def domains(pick):
    names = [f"{a}{b}" for a in WORDS_A for b in WORDS_B]
    pick.shuffle(names)
    tlds = ["example", "test"]
    return [f"{name}.{tlds[i % 2]}" for i, name in enumerate(names[:500])]


def main(path):
    pick = random.Random(1982)
    hosts = domains(pick)
    # A few large providers and a long tail, as real lists have.
    weights = [1 / (rank + 1) ** 0.9 for rank in range(len(hosts))]
    seen = set()
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["email", "first_name", "city", "plan"])
        while len(seen) < 10_000:
            # The first rows visit every domain once, so that none is missing.
            host = hosts[len(seen)] if len(seen) < len(hosts) else pick.choices(hosts, weights)[0]
            last, number = pick.choice(LAST), pick.randrange(1, 10_000)
            local = pick.choice([f"{last}{number}", f"{pick.choice('abcdefghij')}.{last}.{number}", f"{last}_{number}"])
            if pick.random() < 0.04:
                local += pick.choice(["+news", "+shop", "+list.acme"])
            email = f"{local}@{host}"
            if email in seen:
                continue
            seen.add(email)
            plan = pick.choices(PLANS, [6, 3, 1])[0]
            rows.writerow([email, pick.choice(FIRST), pick.choice(CITIES), plan])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "welcome.csv")
