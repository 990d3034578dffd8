"""grouping: what weir joined, against the incidents that somebody else made of the same alerts.

Pairs are counted over alerts that have a truth: of the pairs that weir put together, how many
belong together (precision); of those that belong together, how many weir put together (recall).
"""
import collections
import csv
import os


def read_truth(shared):
    """{alert id: incident} as Microsoft's own correlation had it."""
    path = os.path.join(shared, "data", "correlation", "secrl", "membership.csv")
    with open(path, encoding="utf-8", newline="") as table:
        return {r["SystemAlertId"]: r["IncidentNumber"] for r in csv.DictReader(table)}


def partition(deliveries, incident_of, numbers):
    """{alert id of the truth: incident of weir}; None: it is in none."""
    return {d["truth"]: incident_of.get((numbers[d["source"]], d["alert_id"]))
            for d in deliveries if d.get("truth")}


def pairs(n):
    return n * (n - 1) // 2


def ratio(part, whole):
    return 1.0 if whole == 0 else part / whole


def compare(found, truth):
    """found, truth: {alert: group}. An alert that found has in no group stands alone."""
    both, ours, theirs = (collections.Counter() for _ in range(3))
    for alert in truth.keys() & found.keys():
        group = found[alert] if found[alert] is not None else "alone: " + alert
        both[group, truth[alert]] += 1
        ours[group] += 1
        theirs[truth[alert]] += 1
    together = sum(map(pairs, both.values()))
    precision = ratio(together, sum(map(pairs, ours.values())))
    recall = ratio(together, sum(map(pairs, theirs.values())))
    f1 = 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
    return {"alerts": sum(theirs.values()), "incidents": len(ours),
            "pair_precision": round(precision, 4), "pair_recall": round(recall, 4),
            "pair_f1": round(f1, 4)}


def table(found, truth):
    """One line for each incident of the truth, the largest first."""
    yield "%-20s %7s %18s   %s" % ("Microsoft's incident", "alerts", "weir's incidents",
                                   "alerts in each (strangers in it)")
    sizes = collections.Counter(found.values())
    for incident, n in collections.Counter(
            truth[a] for a in found if a in truth).most_common():
        parts = collections.Counter(found[a] for a in found if truth.get(a) == incident)
        shares = " ".join("%d%s" % (k, " (%d)" % (sizes[i] - k) if sizes[i] > k else "")
                          for i, k in parts.most_common())
        yield "%-20s %7d %18d   %s" % (incident, n, len(parts), shares)
