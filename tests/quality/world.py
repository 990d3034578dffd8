"""The made-up organisation of second.py: its people, machines, addresses and clocks.

Nothing here knows an attack. A World hands out people and machines, says by which names a product
knows them, and turns what happened into alerts that are late, incomplete and of doubtful severity.
"""

import math
import random
from dataclasses import dataclass, field

HOUR = 3600
DAY = 86400
FIRST_DAY = 19723   # 2024-01-01, a Monday
SEVERITIES = ("informational", "low", "medium", "high")
GIVEN = ("ada", "ben", "cleo", "dara", "emil", "fay", "gus", "hana", "ivo", "june", "kai", "lena",
         "milo", "nora", "otis", "petra", "quin", "rosa", "sven", "tess", "uma", "viktor", "wanda",
         "yann", "zoe")
FAMILY = ("abel", "brandt", "costa", "dietz", "ekman", "fuchs", "garcia", "holm", "ivanov", "jung",
          "klein", "lopez", "meyer", "novak", "olsen", "patel", "roth", "silva", "toth", "urban",
          "vogel", "weber", "young", "zeller")
# By product: how often it is quick, its usual minutes then, and the hours it takes when it is not.
DELAYS = {"mde": (0.86, 4, (0.5, 3)), "mdo": (0.62, 3, (1, 20)), "mda": (0.45, 15, (2, 14)),
          "mdi": (0.8, 8, (1, 5))}
# What is never lost on the way: without it the product would have no alert.
ALWAYS_KEPT = {"proc", "mcl", "res"}


@dataclass(eq=False)
class Person:
    kind: str              # office, dev, it, shift, cloud, guest, service
    site: int
    name: str
    sid: str = None
    aad: str = None
    upn: str = None
    mail: str = None       # differs from the UPN after a change of name
    sam: str = None
    device: object = None  # their own, or the terminal they usually sit at
    home: str = None


@dataclass(eq=False)
class Device:
    name: str
    site: int
    mde: str
    dns: str = None        # None: joined to the cloud directory only
    aadd: str = None
    address: str = None


@dataclass
class Tenant:
    """What the kit calls a Dataset: alerts in order of arrival and the right answer."""

    tenant: str
    alerts: list
    truth: dict
    attacks: set
    domains: list
    marked: set = field(default_factory=set)
    kinds: dict = field(default_factory=dict)   # true group -> its kind


class World:
    def __init__(self, seed, users=320, tenant=None):
        self.seed, self.tenant = seed, tenant or "s%d" % seed
        self.domain = self.tenant + ".example.org"
        self.alerts, self.truth, self.arrival = [], {}, {}
        self.attacks, self.kinds = set(), {}
        self.people, self.devices = [], []
        r = self.stream("world")
        # how well this house keeps its directories together, and its products report
        self.alias_gap = r.uniform(0.12, 0.40)
        self.loss = r.uniform(0.05, 0.18)
        self.message_id_loss = r.uniform(0.1, 0.35)
        self.sites = [(0, 0.6), (r.choice((-5, -6, 1)), 0.25), (r.choice((8, 9, 5)), 0.15)]
        self.authority = "S-1-5-21-%d-%d-%d" % tuple(r.randrange(10**8, 2**31) for _ in range(3))
        self._build_network(r)
        self._build_machines(r, users)
        self._build_people(r, users)
        self._build_outages(r)

    def stream(self, *names):
        """Chance of its own for each purpose: a new kind of event changes no other."""
        return random.Random("/".join(str(n) for n in ("second", self.seed) + names))

    # ---- building

    def _build_network(self, r):
        self.egress = ["%d.%d.%d.%d" % (r.choice((62, 88, 91, 146)), r.randrange(1, 250),
                                        r.randrange(250), r.randrange(1, 250)) for _ in self.sites]
        self.vpn = [public_address(r) for _ in range(2)]
        self.carriers = [public_address(r) for _ in range(6)]   # one address, thousands of phones
        self.saas = [public_address(r) for _ in range(9)]
        self.clouds = [public_address(r) for _ in range(4)]     # our own workloads call from there
        self.popular_hashes = [hash_value(r) for _ in range(10)]
        self.popular_apps = [guid(r) for _ in range(7)]
        self.newsletters = ["news@%s.example" % word for word in ("shop", "travel", "bank", "fair")]
        self.partners = ["%s@partner%d.example" % (r.choice(FAMILY), i) for i in range(14)]
        self.shares = ["site/%s/%s" % (self.tenant, word) for word in
                       ("finance", "hr", "sales", "legal", "engineering", "board", "projects")]

    def add_device(self, r, name, site, cloud_only=False):
        dns = None if cloud_only else "%s.%s" % (name, self.domain)
        aadd = guid(r) if cloud_only or r.random() < 0.4 else None
        device = Device(name, site, hash_value(r, 40), dns, aadd,
                        "10.%d.%d.%d" % (site + 1, r.randrange(250), r.randrange(2, 250)))
        self.devices.append(device)
        return device

    def _build_machines(self, r, users):
        def server(role, number=1):
            return [self.add_device(r, "%s%02d" % (role, i + 1), 0) for i in range(number)]

        self.controllers, self.federation = server("dc", 2), server("adfs")[0]
        self.authority_server, self.backup_server = server("pki")[0], server("bkp")[0]
        self.web_servers, self.file_servers = server("web", 3), server("fs", 3)
        self.app_servers = server("app", max(6, users // 25))
        self.servers = self.web_servers + self.file_servers + self.app_servers
        self.cloud_machines = [self.add_device(r, "vm-%d" % i, 0, True) for i in range(5)]
        self.terminals = [self.add_device(r, "kiosk%02d" % i, r.randrange(3))
                          for i in range(max(3, users // 30))]
        self.scanner = self.add_device(r, "vulnscan", 0)

    def _build_people(self, r, users):
        kinds = (("office", 45), ("dev", 8), ("shift", 20), ("cloud", 27))
        names, weights = zip(*kinds)
        for i in range(users):
            self._person(r, r.choices(names, weights)[0], i)
        for i in range(max(3, users // 60)):
            self._person(r, "it", users + i)
        for i in range(users // 20):
            self._person(r, "guest", 2 * users + i)
        self.admins = [self._person(r, "it", 3 * users + i, "adm-") for i in range(4)]
        self.services = [self._person(r, "service", 4 * users + i, "svc-") for i in range(7)]
        self.staff = self.of("office", "dev", "it")
        self.everyone = self.of("office", "dev", "it", "shift", "cloud")

    def _person(self, r, kind, number, prefix=""):
        site = r.choices(range(3), [share for _, share in self.sites])[0]
        name = "%s%s.%s%d" % (prefix, r.choice(GIVEN), r.choice(FAMILY), number)
        person = Person(kind, site, name, home=public_address(r))
        if kind == "guest":
            person.aad, person.mail = guid(r), "%s@partner%d.example" % (name, r.randrange(14))
            person.upn = person.mail.replace("@", "_") + "#ext#@" + self.domain
        else:
            person.upn = person.mail = "%s@%s" % (name, self.domain)
            if kind != "cloud":
                person.sid = "%s-%d" % (self.authority, 1100 + number)
                person.sam = "%s\\%s" % (self.tenant, name[:20])
            if kind != "service":
                person.aad = guid(r)
                if r.random() < 0.07:
                    person.mail = "%s.%s@%s" % (r.choice(GIVEN), name, self.domain)
        if kind in ("office", "dev", "it"):
            person.device = self.add_device(r, "%s-%04d" % (r.choice(("lt", "ws")), number), site,
                                         r.random() < 0.3)
        elif kind == "shift":
            person.device = r.choice(self.terminals)
        self.people.append(person)
        return person

    def _build_outages(self, r):
        """Hours in which a product's feed stands still; then everything comes at once."""
        self.outages = []
        for _ in range(r.choice((1, 2, 2, 3))):
            begin = (FIRST_DAY + r.uniform(2, 18)) * DAY
            self.outages.append((r.choice(tuple(DELAYS)), begin, begin + r.uniform(3, 14) * HOUR))

    def of(self, *kinds):
        return [p for p in self.people if p.kind in kinds and not p.name.startswith("adm-")]

    # ---- clocks

    def at_work(self, r, day, site=0):
        """A moment of a working day at a site: two humps and a gap for lunch."""
        hour = r.gauss(10, 1.3) if r.random() < 0.55 else r.gauss(15, 1.6)
        if r.random() < 0.1:
            hour = r.uniform(0, 24)
        return (day + (hour - self.sites[site][0]) / 24) * DAY

    def is_weekend(self, day):
        return day % 7 >= 5

    def address_of(self, r, person, day):
        """Where a person's traffic comes from: office, VPN, phone or home."""
        z = r.random()
        if z < 0.42 and person.kind not in ("cloud", "guest"):
            return self.egress[person.site]
        if z < 0.55:
            return r.choice(self.vpn)
        if z < 0.72:
            return r.choice(self.carriers)
        if z < 0.9 or day < 0:
            return person.home
        # providers give out new addresses now and then
        return public_address(self.stream("home", person.name, day // 4))

    # ---- names

    def names_of_person(self, r, person, source):
        gap = r.random() < self.alias_gap
        if person.kind == "guest":
            return ["upn:" + person.mail] if source == "mdo" else ["aad:" + person.aad,
                                                                   "upn:" + person.upn]
        if source == "mdo":
            known = ["upn:" + person.mail]
            return known + ["aad:" + person.aad] if person.aad and r.random() < 0.3 else known
        if source == "mda" or not person.sid:
            if not person.aad:
                return ["upn:" + person.upn]
            if not gap:
                return ["aad:" + person.aad, "upn:" + person.upn]
            return ["upn:" + person.upn] if r.random() < 0.6 else ["aad:" + person.aad]
        if source == "mdi":
            return ["sid:" + person.sid, r.choice(("sam:" + person.sam, "upn:" + person.upn))]
        if gap:
            return ["sid:" + person.sid] if r.random() < 0.6 else ["sam:" + person.sam]
        known = ["sid:" + person.sid, "sam:" + person.sam]
        if person.aad and r.random() < 0.7:
            known += ["aad:" + person.aad, "upn:" + person.upn]
        return known

    def names_of_device(self, r, device, source):
        short = ["nb:" + device.name]
        if source == "mde":
            known = ["mde:" + device.mde]
            if device.dns and r.random() > self.alias_gap / 2:
                known.append("dns:" + device.dns)
            return known + ["aadd:" + device.aadd] if device.aadd else known
        if source == "mda":
            return ["aadd:" + device.aadd] if device.aadd else short
        if device.dns is None or r.random() < 0.25:
            return short
        return ["dns:" + device.dns]

    # ---- alerts

    def group(self, kind, attack):
        label = "%s:%s%d" % (self.tenant, kind, len(self.kinds) + 1)
        self.kinds[label] = kind
        if attack:
            self.attacks.add(label)
        return label

    def created(self, r, source, last, nightly):
        if nightly:   # an analysis that runs once a day and looks back on it
            return (math.floor(last / DAY) + 1) * DAY + r.uniform(1, 3) * HOUR
        quick, minutes, (low, high) = DELAYS[source]
        if r.random() < quick:
            return last + 60 * min(120, r.lognormvariate(math.log(minutes), 0.7))
        return last + r.uniform(low, high) * HOUR

    def report(self, r, label, t, source, detector, tactics, users=(), devices=(), keys=(),
               severity="medium", lasts_s=0, nightly=False):
        """One alert about something that happened from t on."""
        last = t + lasts_s
        created = self.created(r, source, last, nightly)
        arrival = created + r.expovariate(1 / 45)
        for product, begin, end in self.outages:
            if product == source and begin <= arrival < end:
                arrival = end + r.uniform(0, 600)
        entities = [["user", self.names_of_person(r, p, source)] for p in users]
        entities += [["device", self.names_of_device(r, d, source)] for d in devices]
        kept = [e for e in entities if len(entities) == 1 or r.random() > self.loss]
        named = {tuple(k) for k in keys
                 if k[0] in ALWAYS_KEPT or r.random() > self.chance_of_loss(k[0])}
        if not kept and not named:
            kept, named = entities, {tuple(k) for k in keys}
        alert_id = "%s-%06d" % (self.tenant, len(self.alerts) + 1)
        self.alerts.append({
            "tenant": self.tenant, "source": source, "id": alert_id, "version": 1,
            "created": int(created), "first": int(t), "last": int(last), "severity": severity,
            "detector": detector, "tactics": sorted(tactics), "identities": kept,
            "keys": [list(k) for k in sorted(named)]})
        self.truth[alert_id], self.arrival[alert_id] = label, arrival

    def chance_of_loss(self, key_type):
        return self.message_id_loss if key_type in ("nmid", "imid") else self.loss

    def tenant_data(self):
        alerts = sorted(self.alerts, key=lambda a: (self.arrival[a["id"]], a["id"]))
        return Tenant(self.tenant, alerts, self.truth, self.attacks, [self.domain], set(),
                      self.kinds)


# ---- values

def public_address(r):
    return "%d.%d.%d.%d" % (r.choice((5, 23, 37, 45, 77, 79, 94, 103, 141, 178, 188, 193)),
                            r.randrange(256), r.randrange(256), r.randrange(1, 255))


def hash_value(r, digits=64):
    return "%0*x" % (digits, r.getrandbits(4 * digits))


def guid(r):
    text = hash_value(r, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def fresh(r, prefix):
    """A value nobody has used before."""
    return "%s-%s" % (prefix, hash_value(r, 12))


def domain_name(r):
    return "%s%s%d.example.net" % (r.choice(GIVEN), r.choice(FAMILY), r.randrange(10**6))


def doubtful(r, typical):
    """A severity as products give it: often one step off, now and then anything."""
    level, z = SEVERITIES.index(typical), r.random()
    if z < 0.58:
        return typical
    if z < 0.92:
        return SEVERITIES[min(3, max(1, level + r.choice((-1, 1))))]
    return r.choice(SEVERITIES[1:])


class Scene:
    """One true group while it is written: its label, its clock, its chance."""

    def __init__(self, world, r, kind, t, attack=False, sight=1.0):
        self.world, self.r, self.t, self.start_s = world, r, t, t
        self.label = world.group(kind, attack)
        self.sight = sight    # the share of steps that a product notices
        self.seen = 0

    def wait(self, low_h, high_h):
        """Pass between so many hours; short pauses are likelier than long ones."""
        r = self.r
        self.t += HOUR * math.exp(r.uniform(math.log(low_h), math.log(high_h)))

    def wait_for_night(self):
        """The small hours of the next night, as seen from the first site."""
        night = (math.floor(self.t / DAY) + 1) * DAY + self.r.uniform(0, 4) * HOUR
        self.t = night

    def see(self, source, detector, tactics, users=(), devices=(), keys=(), typical="medium",
            spread_h=0, **more):
        """A step, unless the product misses it; the first of a group is never missed."""
        r = self.r
        if self.seen and r.random() > self.sight:
            return
        self.seen += 1
        if isinstance(detector, tuple):
            detector = r.choice(detector)
        at = self.t + (r.uniform(0, spread_h) * HOUR if spread_h else 0)
        self.world.report(r, self.label, at, source, detector, tactics, users, devices, keys,
                          doubtful(r, typical), **more)
