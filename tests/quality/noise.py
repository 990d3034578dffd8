"""Everyday noise of second.py: what a house does to itself.

Each function makes one true group: one action of one person, one job, one wave. RATES at the end
says how many come on a working day of 320 people, and how many at a weekend.
"""

from world import DAY, HOUR, Scene, domain_name, fresh, hash_value, public_address

SIGN_IN = ("Sign-in with unfamiliar properties", "Sign-in from an anonymous proxy",
           "Sign-in from an address of bad repute")
TRAVEL = ("Impossible travel", "Activity from a new country", "Sign-in with unfamiliar properties")
SCRIPT = ("Suspicious PowerShell command line", "Suspicious script executed",
          "Suspicious remote process creation")
MALWARE = ("Malware was prevented", "Suspicious file was quarantined",
           "Unwanted software was detected", "Suspicious process was launched")
REPORTED = "Mail reported by a user as phish"
REMOVED = "Mail removed after delivery"
CLICK = "User clicked through to a malicious URL"
DIRECTORY = ("Reconnaissance by directory queries", "Enumeration of accounts",
             "Network mapping by DNS")


def process(r, device):
    return ("proc", "%s/%d/%s" % (device.name, r.randrange(400, 30000), hash_value(r, 8)))


def reported_mail(w, r, t, person=None):
    """One person reports one mail; half of the time the service then takes it away."""
    s, person = Scene(w, r, "report", t), person or r.choice(w.everyone)
    known = r.random() < 0.35
    sender = r.choice(w.newsletters + w.partners) if known else fresh(r, "s") + "@mailer.example"
    keys = [("nmid", fresh(r, "nm")), ("imid", fresh(r, "im")), ("sender", sender),
            ("dom", sender.split("@")[1])]
    if r.random() < 0.6:
        keys.append(("url", "http://%s/%s" % (domain_name(r), hash_value(r, 6))))
    if r.random() < 0.5:
        keys.append(("ip", r.choice(w.saas)))
    s.see("mdo", REPORTED, [1], [person], keys=keys, typical="low")
    if r.random() < 0.5:
        s.wait(0.2, 9)
        s.see("mdo", REMOVED, [1], [person], keys=keys, typical="informational")


def mail_wave(w, r, t):
    """Phishing that was stopped: each recipient gets an address of their own."""
    s, host, cluster = Scene(w, r, "wave", t), domain_name(r), fresh(r, "mc")
    senders = [fresh(r, "s") + "@" + domain_name(r) for _ in range(r.choice((1, 1, 2, 4)))]
    clustered, one_url = r.random() < 0.75, r.random() < 0.4
    for person in r.sample(w.everyone, r.choice((3, 5, 9, 14, 22))):
        path = "login" if one_url else hash_value(r, 6)
        keys = [("nmid", fresh(r, "nm")), ("sender", r.choice(senders)), ("dom", host),
                ("url", "http://%s/%s" % (host, path))]
        if clustered:
            keys.append(("mcl", cluster))
        s.see("mdo", (REMOVED, "Phish delivered because of an override", REPORTED), [1], [person],
              keys=keys, typical="low", spread_h=7)


def phish_training(w, r, t):
    """The yearly exercise: known sender, three templates, some people click, some report."""
    s = Scene(w, r, "training", t)
    hosts = [domain_name(r) for _ in range(3)]
    for person in r.sample(w.everyone, r.choice((12, 20, 32))):
        host = r.choice(hosts)
        keys = [("nmid", fresh(r, "nm")), ("sender", "awareness@training.example"), ("dom", host),
                ("url", "https://%s/%s" % (host, hash_value(r, 6)))]
        detector, typical = ((REPORTED, "low") if r.random() < 0.7 else (CLICK, "high"))
        s.see("mdo", detector, [1], [person], keys=keys, typical=typical, spread_h=30)


def trip(w, r, t):
    """Somebody travels: hotels, trains and phones, for some days."""
    s, person = Scene(w, r, "trip", t), r.choice(w.everyone)
    hotel = public_address(r)
    for _ in range(r.choice((1, 2, 2, 3, 4))):
        address = hotel if r.random() < 0.6 else r.choice(w.carriers)
        s.see("mda", TRAVEL, [1], [person], keys=[("ip", address), ("app", "office")],
              typical="medium" if r.random() < 0.5 else "low", lasts_s=r.uniform(0, 3 * HOUR))
        s.wait(4, 34)


def vpn_reconnect(w, r, t):
    """The line drops, the VPN comes back from another address: travel at the speed of light."""
    s, person = Scene(w, r, "vpn", t), r.choice(w.staff)
    for _ in range(r.choice((1, 1, 2, 3))):
        s.see("mda", "Impossible travel", [1], [person],
              keys=[("ip", r.choice(w.vpn)), ("ip", person.home)], typical="medium",
              lasts_s=r.uniform(0, 2 * HOUR))
        s.wait(0.5, 4)


def phone_sign_in(w, r, t, person=None):
    """A phone behind a carrier's address that somebody else has spoilt."""
    s, person = Scene(w, r, "phone", t), person or r.choice(w.everyone)
    s.see("mda", SIGN_IN, [1], [person], keys=[("ip", r.choice(w.carriers)), ("app", "office")],
          typical="low" if r.random() < 0.7 else "medium")


def big_download(w, r, t):
    """Synchronising a folder looks like theft; found by the nightly analysis."""
    s, person = Scene(w, r, "sync", t), r.choice(w.everyone)
    s.see("mda", ("Unusual mass download", "Unusual file sharing", "Data sent to a personal cloud"),
          [9, 11], [person], keys=[("ip", w.address_of(r, person, t // DAY)), ("app", "sharepoint"),
                                   ("res", r.choice(w.shares))],
          typical="medium", lasts_s=r.uniform(1, 7) * HOUR, nightly=r.random() < 0.6)


def benign_consent(w, r, t):
    """One more person uses an application that many use."""
    s, person = Scene(w, r, "consent", t), r.choice(w.everyone)
    s.see("mda", ("Unusual consent to an application", "Application with unusual permissions"),
          [1, 3], [person], keys=[("oauth", r.choice(w.popular_apps)),
                                  ("ip", w.address_of(r, person, t // DAY))], typical="medium")


def integration_job(w, r, t):
    """A connector between two services reads at night what it reads every night."""
    s = Scene(w, r, "job", t)
    s.see("mda", ("Unusual volume of calls by an application", "Unusual mailbox access"), [9],
          keys=[("oauth", w.popular_apps[0]), ("ip", r.choice(w.clouds)),
                ("res", r.choice(w.shares))], typical="low", lasts_s=HOUR)


def vulnerability_scan(w, r, t):
    """The weekly scan: every probe is somebody's alert."""
    s = Scene(w, r, "scan", t)
    account = w.services[0]
    for server in r.sample(w.servers + w.controllers, r.choice((5, 8, 12))):
        s.see("mdi" if r.random() < 0.45 else "mde",
              DIRECTORY + ("Suspected brute force of passwords", "Network scan"), [7],
              [account] if r.random() < 0.4 else [], [w.scanner, server],
              [("ipint", w.scanner.address)], typical="medium", spread_h=5)


def backup_night(w, r, t):
    """Backup and replication do at night what thieves do."""
    s, account = Scene(w, r, "backup", t), w.services[1]
    for _ in range(r.choice((1, 1, 2, 3))):
        server = r.choice(w.controllers + w.file_servers)
        s.see("mdi" if r.random() < 0.6 else "mde",
              ("Replication of directory services by an unusual account",
               "Suspicious service creation", "Copy of the credential database"), [6], [account],
              [w.backup_server, server], typical="high" if r.random() < 0.3 else "medium",
              spread_h=3)


def admin_script(w, r, t):
    """Somebody of IT repairs some machines with a script."""
    s, person = Scene(w, r, "script", t), r.choice(w.admins + w.of("it"))
    digest = r.choice(w.popular_hashes) if r.random() < 0.6 else hash_value(r)
    own_hash = r.random() < 0.4
    for device in r.sample(w.devices, r.choice((1, 1, 2, 3, 5))):
        keys = [process(r, device), ("cmd", "psremote" if r.random() < 0.5 else hash_value(r, 16))]
        if own_hash or r.random() < 0.5:
            keys.append(("sha", digest))
        s.see("mde" if r.random() < 0.8 else "mdi", SCRIPT, [2, 8], [person], [device], keys,
              typical="low" if r.random() < 0.6 else "medium")
        s.wait(0.1, 1.5)


def onboarding(w, r, t):
    """New colleagues: one administrator makes accounts, grants and machines all morning."""
    s, admin = Scene(w, r, "onboard", t), r.choice(w.admins)
    for person in r.sample(w.everyone, r.choice((3, 5, 8))):
        kind = r.random()
        if kind < 0.45:
            s.see("mda", ("Unusual addition of credentials", "Unusual administrative activity"),
                  [3, 4], [admin, person], keys=[("ip", w.egress[0]), ("app", "directory")],
                  typical="medium", spread_h=4)
        elif kind < 0.75 and person.device:
            s.see("mde", SCRIPT, [2], [admin], [person.device],
                  [("sha", w.popular_hashes[0]), ("cmd", "enrol-device")], "low", spread_h=6)
        else:
            s.see("mdi", "Suspicious addition to a sensitive group", [4], [admin, person],
                  [r.choice(w.controllers)], typical="medium", spread_h=4)


def bad_signature(w, r, t):
    """A signature update that finds our own program everywhere."""
    s, digest = Scene(w, r, "signature", t), hash_value(r)
    owners = [p for p in w.staff if p.device]
    for person in r.sample(owners, min(len(owners), r.choice((8, 14, 24)))):
        keys = [("sha", digest)] if r.random() < 0.9 else []
        s.see("mde", MALWARE, [r.choice((2, 5))], [person] if r.random() < 0.7 else [],
              [person.device], keys + [process(r, person.device)],
              typical="medium" if r.random() < 0.7 else "high", spread_h=16)


def developer(w, r, t, person=None):
    """Builds, debuggers and injected test doubles: every run a new file."""
    s, person = Scene(w, r, "dev", t), person or r.choice(w.of("dev"))
    tool = r.choice(w.popular_hashes)
    for _ in range(r.choice((1, 2, 2, 4))):
        keys = [process(r, person.device), ("cmd", hash_value(r, 16)),
                ("sha", hash_value(r) if r.random() < 0.6 else tool)]
        s.see("mde", MALWARE + ("Process injection", "Suspicious access to memory"),
              [r.choice((2, 5))], [person], [person.device], keys,
              typical="low" if r.random() < 0.7 else "high")
        s.wait(0.2, 3)


def unwanted_program(w, r, t, person=None):
    """A toolbar that comes back until somebody removes it."""
    s, person = Scene(w, r, "pua", t), person or r.choice(w.staff)
    digest = hash_value(r) if r.random() < 0.7 else r.choice(w.popular_hashes)
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        s.see("mde", MALWARE, [r.choice((2, 3))], [person] if r.random() < 0.8 else [],
              [person.device], [("sha", digest), process(r, person.device)], typical="low")
        s.wait(6, 30)


def terminal(w, r, t):
    """A shared machine: the colleague of the last shift plugged something in."""
    shifts = w.of("shift")
    if not shifts:
        return
    s, person = Scene(w, r, "kiosk", t), r.choice(shifts)
    s.see("mde", MALWARE + ("Unknown USB device",), [r.choice((1, 2))],
          [person] if r.random() < 0.7 else [], [person.device],
          [("sha", hash_value(r) if r.random() < 0.6 else r.choice(w.popular_hashes))],
          typical="low")


def forgotten_password(w, r, t, person=None):
    """Somebody back from holidays, or a service whose password has changed."""
    s = Scene(w, r, "lockout", t)
    person = person or r.choice(w.services[2:] + w.staff)
    for _ in range(r.choice((1, 1, 2))):
        devices = [r.choice(w.controllers)] + ([person.device] if person.device else
                                               [r.choice(w.app_servers)])
        s.see("mdi", ("Suspected brute force of passwords", "Unusual count of failed sign-ins"),
              [6], [person], devices, [("ipint", devices[1].address)], typical="medium")
        s.wait(0.3, 5)


def agent_false_alarm(w, r, t):
    """A monitoring agent reads memory on a server, and the alert is a high one."""
    s, server = Scene(w, r, "agent", t), r.choice(w.servers)
    s.see("mde", ("Suspicious access to memory", "Credential theft tool", "Process injection"),
          [6], [], [server], [("sha", w.popular_hashes[1]), process(r, server)], typical="high")


def leak_rule(w, r, t):
    """A rule against leaks fires on a mail or a file."""
    s, person = Scene(w, r, "leak", t), r.choice(w.everyone)
    if r.random() < 0.5:
        s.see("mdo", "Mail with sensitive content to the outside", [11], [person],
              keys=[("imid", fresh(r, "im"))], typical="low")
    else:
        s.see("mda", ("Sensitive file shared with outsiders", "Unusual file sharing"), [9],
              [person], keys=[("res", r.choice(w.shares)), ("app", "sharepoint")], typical="low")


def guest_activity(w, r, t):
    """Guests come from anywhere."""
    guests = w.of("guest")
    if not guests:
        return
    s, guest = Scene(w, r, "guest", t), r.choice(guests)
    s.see("mda", TRAVEL + ("Unusual mass download",), [1], [guest],
          keys=[("ip", guest.home if r.random() < 0.5 else public_address(r)),
                ("res", r.choice(w.shares))], typical="low")


def around(w, r, t, person):
    """Noise that happens to meet somebody who is being attacked."""
    if person.device and person.kind in ("office", "dev", "it"):
        r.choice((unwanted_program, developer, phone_sign_in, reported_mail))(w, r, t, person)
    elif person.kind != "service":
        r.choice((phone_sign_in, reported_mail))(w, r, t, person)


# on a working day, on a day of the weekend; for 320 people
RATES = (
    (reported_mail, 10, 2.5), (mail_wave, 0.8, 0.3), (phish_training, 0.05, 0), (trip, 2.2, 1),
    (vpn_reconnect, 3.5, 0.8), (phone_sign_in, 5.5, 3), (big_download, 4, 0.6),
    (benign_consent, 1.8, 0.3), (integration_job, 1, 1), (vulnerability_scan, 0.1, 0.35),
    (backup_night, 0.9, 0.9), (admin_script, 3, 0.5), (onboarding, 0.2, 0),
    (bad_signature, 0.1, 0.02), (developer, 2.6, 0.4), (unwanted_program, 3.4, 0.7),
    (terminal, 1.6, 1.4), (forgotten_password, 2, 0.6), (agent_false_alarm, 1.1, 0.8),
    (leak_rule, 3, 0.4), (guest_activity, 1.5, 0.5),
)
