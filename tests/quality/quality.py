#!/usr/bin/env python3
"""Measure how well an engine groups alerts: beside the reference engine and the simple rules.

    quality.py                                  all sets; page and figures where make quality wants
    quality.py --sets std,second --engine CMD   some sets, any engine
    quality.py --quick                          the floors alone, for the tests

Exit status: 0 all floors held, 1 a floor missed or wrong output, 77 no ../shared/eval.
"""

import argparse
import json
import os
import sys

import kit          # first: it finds the others
import churn
import compare
import metrics
import page
import score
import secrl

QUICK = {"std": 10, "x3": 4, "drop": 4, "second": 8, "secrl": None, "hybrid": 2, "egress": 2,
         "admin": 2, "controller": 2, "rollout": 3, "severity30": 4, "flat": 3}


def measure(chosen, dataset, found):
    """All of the kit's measures, and pair F1 without mail campaigns."""
    row = score.measure(chosen, dataset, found)
    if not chosen.steps:
        rest = {i: label for i, label in dataset.truth.items() if not kit.is_campaign(label)}
        row["pair F1, no campaigns"] = metrics.grouping(rest, found)["pair F1"]
    return row


def lines_of(chosen, datasets):
    return list(score.jsonl.stream_lines(datasets, chosen.params))


def run(lines, datasets, command, timeout):
    found, seconds = score.run_engine(command, lines, timeout)
    score.check_partition(found, datasets)
    return found, seconds


def per_tenant(dataset, found):
    return {alert_id: found[alert_id] for alert_id in dataset.truth}


def full(name, options):
    """Everything about one set."""
    chosen = kit.SETS[name]
    datasets = chosen.build(kit.SEEDS.get(name), secrl.visible)
    lines = lines_of(chosen, datasets)
    found, seconds = run(lines, datasets, options.engine, options.timeout)
    known = compare.compared(chosen, datasets, lines, measure, options.kept)
    changed = churn.of_weir(options.churn, lines, options.timeout) if options.churn else {}
    mine = [dict(measure(chosen, d, per_tenant(d, found)), **changed.get(d.tenant, {}))
            for d in datasets]
    unlike = None
    if options.same:
        same = run(lines, datasets, options.same, options.timeout)[0]
        unlike = sum(len(metrics.differing(per_tenant(d, same), known["expected"][d.tenant]))
                     for d in datasets)
    return {"set": name, "about": chosen.about, "tenants": len(datasets), "unlike": unlike,
            "seconds": seconds, "alerts": sum(len(d.alerts) for d in datasets),
            "rows": {"weir": mine, **known["rows"]}}


def quick(name, options):
    """What the tests need: our figures alone, on fewer tenants."""
    chosen, seeds = kit.SETS[name], kit.SEEDS.get(name)
    if seeds and QUICK.get(name):
        seeds = seeds[:QUICK[name]]
    datasets = chosen.build(seeds, secrl.visible)
    found, seconds = run(lines_of(chosen, datasets), datasets, options.engine, options.timeout)
    rows = [measure(chosen, d, per_tenant(d, found)) for d in datasets]
    return {"set": name, "about": chosen.about, "tenants": len(datasets), "seconds": seconds,
            "alerts": sum(len(d.alerts) for d in datasets), "rows": {"weir": rows}, "unlike": None}


def missed_floors(result):
    rows = result["rows"]["weir"]
    for name, floor in page.floors(result["set"]).items():
        value = score.mean(rows, name)
        if not score.holds(name, value, floor):
            yield "%s: %s %.3f, floor %.3f" % (result["set"], name, value, floor)
    if result["unlike"]:
        yield ("%s: %d alerts grouped unlike the reference by its profile"
               % (result["set"], result["unlike"]))


def write_figures(path, results):
    with open(path, "w", encoding="utf-8") as out:
        for result in results:
            for method, rows in result["rows"].items():
                figures = {name: {"mean": round(score.mean(rows, name), 6),
                                  "least": round(min(row[name] for row in rows), 6),
                                  "most": round(max(row[name] for row in rows), 6)}
                           for name in rows[0]}
                out.write(json.dumps({"set": result["set"], "method": method,
                                      "tenants": result["tenants"], "measures": figures}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.environ.get("B", os.path.join(kit.ROOT, "build"))
    parser.add_argument("--engine", default=os.path.join(build, "weir") + " correlate",
                        metavar="COMMAND")
    parser.add_argument("--kept", default=os.path.join(build, "quality"), metavar="FOLDER",
                        help="what the reference and the rules gave before")
    parser.add_argument("--same", metavar="COMMAND",
                        help="an engine that must group as the reference does, alert for alert")
    parser.add_argument("--sets", default=None, help="comma separated; second and second3 are ours")
    parser.add_argument("--quick", action="store_true", help="floors only, fewer tenants")
    parser.add_argument("--page", metavar="FILE", help="write the tables there, as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, one line a method")
    parser.add_argument("--churn", metavar="PROGRAM", help="what counts weir's changes: churn.c")
    parser.add_argument("--timeout", type=int, default=600, metavar="S")
    options = parser.parse_args()
    names = options.sets.split(",") if options.sets else list(QUICK if options.quick
                                                              else kit.DEFAULT)
    if unknown := [name for name in names if name not in kit.SETS]:
        parser.error("unknown set " + unknown[0])
    results, wrong = [], []
    for name in names:
        try:
            result = (quick if options.quick else full)(name, options)
        except score.BadOutput as error:
            wrong.append("%s: %s" % (name, error))
            continue
        results.append(result)
        wrong += missed_floors(result)
        print(page.short(result))
        sys.stdout.flush()
    if options.page and not options.sets:   # never a page of some sets only
        with open(options.page, "w", encoding="utf-8") as out:
            out.write(page.whole(results))
    if options.json:
        write_figures(options.json, results)
    print("\n".join(["FAILED"] + wrong) if wrong else "all well")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
