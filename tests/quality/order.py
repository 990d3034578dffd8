#!/usr/bin/env python3
"""order.py [N] [--engine 'build/weir correlate']: does any order of arrival give the same incidents?

Small tenants of the kit's generator and of the second one, each alert in up to two versions that
differ in keys, tactics, severity and length, a fifth delivered twice; N full shuffles of their
deliveries, the versions of one alert in their order. Each must be grouped as in the order of
arrival. Many shuffles are tenants of one run, interleaved, so that 10,000 take minutes.
Exit 0: no difference, 1: some, 77: no ../shared/eval.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from itertools import zip_longest

import kit                                        # first: it knows where the others are
import generator
import second
import stress

A_TENANT, A_RUN = 50, 50                          # shuffles
PLACE = "@@"                                      # of the tenant's name in a line
MAKERS = (lambda seed: generator.make(seed, users=80, days=7, noise=3.0),
          lambda seed: second.make(seed, users=60, days=8))
SEEDS = range(101, 200)


def lines_of(dataset, seed):
    """Deliveries of each alert, as lines without a tenant's name."""
    for versions in stress.versions(dataset.alerts, seed):
        yield [json.dumps(dict(alert, tenant=PLACE, id=PLACE + "/" + alert["id"]),
                          separators=(",", ":")) for alert in versions]


def run(engine, domains, orders):
    """{tenant: its groups as sets of alert ids} of several orders at once."""
    names = ["s%d" % i for i in range(len(orders))]
    text = ['{"tenant":"%s","domains":%s}' % (name, json.dumps(domains)) for name in names]
    for row in zip_longest(*orders):
        text += [line.replace(PLACE, name) for name, line in zip(names, row) if line is not None]
    done = subprocess.run(engine, input="\n".join(text) + "\n", stdout=subprocess.PIPE, check=True,
                          encoding="utf-8")
    groups = {name: {} for name in names}
    for line in done.stdout.splitlines():
        member = json.loads(line)
        name, _, alert = member["id"].partition("/")
        groups[name].setdefault(member["incident"], set()).add(alert)
    return [set(map(frozenset, groups[name].values())) for name in names]


def check_tenant(engine, seed, maker, first, count):
    """Differing shuffles of one tenant, as their seeds; and how many alerts it has."""
    dataset = maker(seed)
    deliveries = list(lines_of(dataset, seed))
    in_order = [line for versions in deliveries for line in versions]
    wrong, seeds = [], range(first, first + count)
    for at in range(0, count, A_RUN):
        some = seeds[at:at + A_RUN]
        found = run(engine, sorted(dataset.domains),
                    [in_order] + [stress.shuffled(deliveries, shuffle) for shuffle in some])
        wrong += [shuffle for shuffle, groups in zip(some, found[1:]) if groups != found[0]]
    return wrong, len(deliveries)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("--engine", default=os.path.join(kit.ROOT, "build/weir") + " correlate")
    options = parser.parse_args()
    engine, wrong, alerts, tenants, done = shlex.split(options.engine), [], 0, 0, 0
    while done < options.count:
        seed = SEEDS[tenants // len(MAKERS) % len(SEEDS)]
        some = min(A_TENANT, options.count - done)
        differing, n = check_tenant(engine, seed, MAKERS[tenants % len(MAKERS)], done, some)
        wrong += ["generator %d seed %d shuffle %d" % (tenants % len(MAKERS) + 1, seed, shuffle)
                  for shuffle in differing]
        done, tenants, alerts = done + some, tenants + 1, alerts + n * some
    print("%d shuffles of %d tenants, %d alerts each on average: %d grouped differently"
          % (done, tenants, alerts // max(done, 1), len(wrong)))
    for line in wrong[:10]:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
