"""How often what was published changes: the measure of 17.1 that the kit leaves out.

Published means: after each alert. An alert moved if the incident it was last seen in has been
merged into an older one; an incident was redirected if somebody had seen it before it was merged.
The alert that joins two incidents opens none: nobody saw it alone.
"""

import json
import subprocess

import reference
from params import DEFAULTS, merge
from prevalence import DayTables


class Churning(reference.Engine):
    """The reference engine, counting."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.members = {}       # label of an incident -> its published alerts
        self.moved, self.redirected, self.opened = set(), 0, 0

    def add(self, alert):
        fresh = alert["id"] not in self.version_of
        super().add(alert)
        if fresh:
            label = self._group(self.node_of[alert["id"]]).label
            if label not in self.members:
                self.members[label] = []
                self.opened += 1
            self.members[label].append(alert["id"])

    def _join_groups(self, node, other):
        a, b = self._group(node), self._group(other)
        if a is not b:
            kept, gone = (a, b) if a.opened < b.opened else (b, a)
            published = self.members.pop(gone.label, None)
            if published is not None:
                self.moved.update(published)
                self.redirected += 1
                self.members.setdefault(kept.label, []).extend(published)
        super()._join_groups(node, other)

    def churn(self):
        return {"moved": len(self.moved) / max(1, len(self.node_of)),
                "redirected": self.redirected / max(1, self.opened)}


def correlate(alerts, domains=(), params=None):
    params = merge(DEFAULTS, params or {})
    engine = Churning(DayTables(alerts, params), domains, params)
    for alert in alerts:
        engine.add(alert)
    return engine


def of_weir(program, lines, timeout):
    """What churn.c counts: {tenant: its measures}."""
    done = subprocess.run([program], input="".join(lines), encoding="utf-8", check=True,
                          stdout=subprocess.PIPE, timeout=timeout)
    return {row["tenant"]: {"moved": row["moved"] / max(1, row["alerts"]),
                            "redirected": row["redirected"] / max(1, row["incidents"])}
            for row in map(json.loads, done.stdout.splitlines())}
