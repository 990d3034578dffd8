"""judge: what became of each delivery that the simulators planned, told from the tables alone.

A delivery is one record as a service served it. It is stored when an alert (or mail record) of its
id holds it or something newer; unchanged when it only repeated an earlier one; dead or ignored when
those tables say so; open when no table knows it yet. A repeat that a restart caused is no delivery,
so the counts do not depend on what fell over.
"""
import collections
import json
import subprocess

SOURCES = ("endpoint", "mail", "apps", "identity")
OUTCOMES = ("stored", "unchanged", "dead", "ignored")
NUMBERS = {"endpoint": 1, "mail": 2, "apps": 3, "identity": 4}


def query(conninfo, sql):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", conninfo, "-c", sql],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError("psql: " + done.stderr.strip()[-300:])
    return done.stdout.strip()


class Store:
    """The tables of one tenant, read in one statement."""

    def __init__(self, conninfo, oid):
        self.conninfo, self.schema = conninfo, "t_" + oid

    def read(self):
        s = self.schema
        return json.loads(query(self.conninfo, f"""
            select json_build_object(
              'alerts', (select json_agg(json_build_array(a.source, a.native_id, a.version,
                           encode(a.sha256, 'hex'), coalesce(i.redirect_to, m.incident_id)))
                         from {s}.alert a
                         left join {s}.membership m using (source, native_id)
                         left join {s}.incident i on i.id = m.incident_id),
              'mail', (select json_agg(json_build_array(record_id, version,
                         encode(sha256, 'hex'))) from {s}.mail_record),
              'dead', (select json_agg(json_build_array(source, native_id,
                           encode(sha256, 'hex'), reason)) from {s}.dead),
              'ignored', (select json_agg(json_build_array(source, native_id, reason))
                          from {s}.ignored),
              'incidents', (select count(*) from {s}.incident where redirect_to is null))"""))


class Verdict:
    def __init__(self):
        self.by_source = {s: collections.Counter() for s in SOURCES}
        self.outcome = []  # of each delivery, in order; None: open
        self.reasons = collections.Counter()
        self.missing = []
        self.open = 0
        self.incidents = 0
        self.incident_of = {}  # (source, alert id) -> incident
        self.biggest = None    # (incident, alerts, sources)


def outcome_of(d, rows, records, dead, dead_ids, ignored, settled):
    """'stored', 'unchanged', 'dead', 'ignored', or None; and why it is dead or ignored."""
    source, native = NUMBERS[d["source"]], d["native_id"]
    if d.get("repeat_of") is not None:
        return ("unchanged", None) if settled[d["repeat_of"]] else (None, None)
    reason = dead.get((source, d["sha256"])) or dead_ids.get((source, native, d["sha256"]))
    if reason:
        return "dead", reason
    if source == NUMBERS["mail"] and d["sha256"] in records:
        return "stored", None  # several records may bear one id, and be ignored but for this one
    if (source, native) in ignored:
        return "ignored", ignored[source, native]
    version = rows.get((source, native))
    if version is not None and (d.get("version_100ns") is None
                                or version >= d["version_100ns"]):
        return "stored", None
    return None, None


def judge(deliveries, tables):
    v = Verdict()
    rows = {(a[0], a[1]): a[2] for a in tables["alerts"] or []}
    rows.update({(NUMBERS["mail"], m[0]): m[1] for m in tables["mail"] or []})
    records = {m[2] for m in tables["mail"] or []}
    dead = {(x[0], x[2]): x[3] for x in tables["dead"] or []}
    dead_ids = {(x[0], x[1], x[2]): x[3] for x in tables["dead"] or []}
    ignored = {(x[0], x[1]): x[2] for x in tables["ignored"] or []}
    settled = {}
    for d in deliveries:
        outcome, reason = outcome_of(d, rows, records, dead, dead_ids, ignored, settled)
        settled[d["n"]] = outcome
        v.outcome.append(outcome)
        v.by_source[d["source"]]["sent"] += 1
        if outcome is None:
            v.open += 1
            v.missing.append({k: d.get(k) for k in ("source", "native_id", "expect")})
        else:
            v.by_source[d["source"]][outcome] += 1
        if reason:
            v.reasons["%s %s %s" % (d["source"], outcome, reason)] += 1
    v.incidents = tables["incidents"]
    members = collections.defaultdict(list)
    for source, native, _version, _sha, incident in tables["alerts"] or []:
        v.incident_of[source, native] = incident
        members[incident].append(source)
    if members:
        incident = max(members, key=lambda i: (len(members[i]), -(i or 0)))
        v.biggest = (incident, len(members[incident]), len(set(members[incident])))
    return v


def story(deliveries, verdict):
    """How the main attack was joined, against the simulators' truth."""
    truth = {}
    for d in deliveries:
        if d.get("truth"):
            truth[NUMBERS[d["source"]], d["alert_id"]] = d["truth"]
    main = [k for k, t in truth.items() if t == "main"]
    counts = collections.Counter(verdict.incident_of.get(k) for k in main)
    counts.pop(None, None)
    if not counts:
        return {"alerts": len(main), "in_main_incident": 0, "sources_in_main_incident": 0,
                "strangers_in_main_incident": 0}
    incident, n = counts.most_common(1)[0]
    inside = [k for k, i in verdict.incident_of.items() if i == incident]
    return {"alerts": len(main), "in_main_incident": n,
            "sources_in_main_incident": len({k[0] for k in inside}),
            "strangers_in_main_incident": sum(truth.get(k) != "main" for k in inside)}


def left(conninfo, oid):
    """(schemas, rows) of a tenant in a region's database: any shared table with an oid column."""
    schemas = int(query(conninfo, "select count(*) from pg_namespace where nspname = 't_%s'" % oid))
    tables = query(conninfo, """select c.relname from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'oid' and a.attnum > 0
        where n.nspname = 'public' and c.relkind in ('r', 'p')""").split()
    raw = base32_hex(oid)
    rows = sum(int(query(conninfo, "select count(*) from %s where oid = '\\x%s'" % (t, raw)))
               for t in tables)
    return schemas, rows


def base32_hex(oid):
    import base64
    return base64.b32decode(oid.upper() + "=" * (-len(oid) % 8)).hex()
