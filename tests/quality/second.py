#!/usr/bin/env python3
"""A second made-up tenant, to see whether a correlator only fits the first.

Its assumptions are not those of ../shared/eval/generator.py: fourteen attacks after public reports
(campaigns.py), twenty-one kinds of everyday noise (noise.py), people without machines and machines
without people, names that only some products know, two-humped delays and nightly analyses, feeds
that stand still, severities that say little (world.py). Lines are in the kit's format.

FROZEN. Difficulty was chosen once, so that the best simple baseline's B-cubed stays under 0.85, and
without a look at what weir or the reference make of it. A result is no reason to change anything
here: a gain must show on this as it is. Seeds 101 to 199 are for looking, others are held out.
"""

import argparse
import json
import math
import sys

from campaigns import CAMPAIGNS
from noise import RATES, around
from world import DAY, FIRST_DAY, HOUR, World

ATTACKS_A_DAY = 0.75
QUIET_DAYS = 3   # a house is watched for some days before anything happens


def poisson(r, mean):
    count, limit, product = 0, math.exp(-mean), r.random()
    while product > limit:
        product *= r.random()
        count += 1
    return count


def one_day(w, day, noise, attacks_a_day, queue):
    """All that begins on one day."""
    size = noise * len(w.everyone) / 320
    for kind, working, weekend in RATES:
        r = w.stream(kind.__name__, day)
        for _ in range(poisson(r, size * (weekend if w.is_weekend(day) else working))):
            site = r.choices(range(3), [share for _, share in w.sites])[0]
            kind(w, r, w.at_work(r, day, site))
    if day < FIRST_DAY + QUIET_DAYS:
        return
    r = w.stream("attacks", day)
    for number in range(poisson(r, attacks_a_day)):
        if not queue:
            queue += r.sample(CAMPAIGNS, len(CAMPAIGNS))
        own = w.stream("attack", day, number)
        t = day * DAY + own.uniform(0, 24) * HOUR   # attackers have their own hours
        for victim in queue.pop()(w, own, t):
            if own.random() < 0.4:
                around(w, own, t + own.uniform(-20, 40) * HOUR, victim)


def make(seed, days=18, users=320, noise=1.0, attacks_a_day=ATTACKS_A_DAY, alerts=None,
         tenant=None):
    """One tenant. With alerts: as many days as that needs, then exactly the first so many."""
    w, queue, day = World(seed, users, tenant), [], FIRST_DAY
    while len(w.alerts) < alerts if alerts else day < FIRST_DAY + days:
        one_day(w, day, noise, attacks_a_day, queue)
        day += 1
    made = w.tenant_data()
    if alerts:
        made.alerts = made.alerts[:alerts]
        made.truth = {a["id"]: made.truth[a["id"]] for a in made.alerts}
    return made


def group_of_houses(seed, houses, **options):
    """A large tenant for loads: houses with people and hubs of their own, in one directory."""
    parts = [make(seed + i, tenant="s%d-%d" % (seed, i), **options) for i in range(houses)]
    whole = parts[0]
    for part in parts[1:]:
        whole.alerts += part.alerts
        whole.truth.update(part.truth)
        whole.attacks |= part.attacks
        whole.domains += part.domains
    whole.tenant = "s%d" % seed
    for alert in whole.alerts:
        alert["tenant"] = whole.tenant
    whole.alerts.sort(key=lambda a: (a["created"], a["id"]))
    return whole


def line(record):
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n"


def write(made, out, truth_path=None):
    """Alerts to one file, the answer to another, as the kit's generator does."""
    out.write(line({"tenant": made.tenant, "domains": made.domains}))
    for alert in made.alerts:
        out.write(line(alert))
    if truth_path:
        with open(truth_path, "w", encoding="utf-8") as file:
            for alert_id, label in made.truth.items():
                file.write(line({"id": alert_id, "truth": label, "attack": label in made.attacks}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--days", type=int, default=18)
    parser.add_argument("--users", type=int, default=320)
    parser.add_argument("--noise", type=float, default=1.0, help="factor on all noise rates")
    parser.add_argument("--alerts", type=int,
                        help="make so many (in each house), in as many days as it takes")
    parser.add_argument("--houses", type=int, default=1, help="so many of them in one tenant")
    parser.add_argument("--truth", metavar="FILE", help="write the right answer there")
    o = parser.parse_args()
    options = {"days": o.days, "users": o.users, "noise": o.noise, "alerts": o.alerts}
    made = (make(o.seed, **options) if o.houses == 1
            else group_of_houses(o.seed, o.houses, **options))
    write(made, sys.stdout, o.truth)


if __name__ == "__main__":
    main()
