"""The attacks of second.py, after public incident reports and the campaigns of ATT&CK.

Each function tells one attack from first foothold to goal, in the order that reports give, over
hours or over many days, and returns the people it hit. Products miss steps (Scene.sight), so a
chain has holes. Titles and severities are shared with the noise: no title gives an attack away.
"""

from noise import CLICK, DIRECTORY, MALWARE, REMOVED, REPORTED, SCRIPT, SIGN_IN, process
from world import DAY, HOUR, Scene, domain_name, fresh, guid, hash_value, public_address

STOLEN_TICKET = ("Suspected overpass-the-hash", "Suspected use of a stolen ticket",
                 "Suspicious Kerberos request")
TAMPER = ("Protection was switched off", "Event log was cleared", "Suspicious service creation")
LSASS = ("Suspicious access to memory", "Credential theft tool")
ENCRYPT = ("Ransomware behaviour", "Shadow copies were deleted", "Suspicious file was quarantined")
RULE = ("Suspicious inbox rule", "Suspicious forwarding of mail")
THEFT = ("Unusual mass download", "Unusual file sharing", "Unusual mailbox access")


def attacker_addresses(r, count):
    """Rented in one place, so neighbours; the addresses themselves are all that is shared."""
    first = public_address(r).rsplit(".", 1)[0]
    return ["%s.%d" % (first, n) for n in r.sample(range(2, 250), count)]


def hands_on(s, account, device, c2, digest, steps, known_user=0.7):
    """Somebody types: discovery, scripts, memory, a beacon, on one machine."""
    r, shell = s.r, process(s.r, device)
    menu = [("Suspicious discovery by commands", 7), (SCRIPT, 2), (LSASS, 6),
            ("Process injection", 5), ("Connection to a command server", 10),
            ("Suspicious scheduled task", 3), ("Unusual privilege escalation", 4)]
    for detector, tactic in (r.choice(menu) for _ in range(steps)):
        keys = [shell] if r.random() < 0.6 else [process(r, device)]
        if r.random() < 0.45:
            keys.append(("sha", digest))
        if tactic == 10 or r.random() < 0.2:
            keys.append(("ip", c2))
        if r.random() < 0.5:
            keys.append(("cmd", hash_value(r, 16)))
        s.see("mde", detector, [tactic],
              [account] if account and r.random() < known_user else [], [device], keys,
              typical="medium" if r.random() < 0.6 else "high")
        s.wait(0.03, 1.5)


def server_to_ransom(w, r, t):
    """A hole in a server that faces the web, a web shell, days of quiet, then a night of it."""
    s = Scene(w, r, "webransom", t, True, 0.8)
    door, admin, c2 = r.choice(w.web_servers), r.choice(w.admins), attacker_addresses(r, 3)
    shell, tool, locker = hash_value(r), hash_value(r), hash_value(r)
    s.see("mde", ("Suspicious process of a web server", "Possible exploitation of a server"), [1],
          [], [door], [("ip", c2[0]), ("sha", shell), process(r, door)], "medium")
    s.wait(0.2, 3)
    hands_on(s, None, door, c2[1], shell, r.randrange(2, 5))
    s.wait(8, 60)
    hands_on(s, w.services[3] if r.random() < 0.5 else None, door, c2[1], tool, r.randrange(2, 4))
    for target in r.sample(w.file_servers + w.app_servers, r.choice((1, 2, 3))):
        s.wait(0.5, 9)
        s.see("mdi", STOLEN_TICKET, [8], [admin], [door, target], typical="medium")
        hands_on(s, admin, target, c2[1], tool, r.randrange(1, 4), 0.9)
        s.see("mde", TAMPER, [5], [admin], [target], [("sha", tool)], "medium")
    s.wait(1, 20)
    s.see("mde", "Large upload to an unknown address", [11], [admin], [target], [("ip", c2[2])])
    s.wait_for_night()
    for device in r.sample(w.devices, r.choice((6, 10, 16))):
        for _ in range(r.choice((1, 1, 2))):
            s.see("mde", ENCRYPT, [12], [admin] if r.random() < 0.4 else [], [device],
                  [("sha", locker)] if r.random() < 0.8 else [process(r, device)], "high",
                  spread_h=1.5)
    return [admin]


def poisoned_update(w, r, t):
    """An update of an honest product beacons; a week later somebody forges tokens."""
    s = Scene(w, r, "supply", t, True, 0.85)
    digest, host, address = hash_value(r), domain_name(r), attacker_addresses(r, 2)
    infected = r.sample(w.app_servers, r.choice((2, 3, 4)))
    for server in infected:
        s.see("mde", ("Connection to a command server", "Unusual DNS queries"), [10], [], [server],
              [("dom", host), ("sha", digest)], "low", spread_h=20)
    s.wait(24, 90)
    chosen, admin = infected[0], r.choice(w.admins)
    hands_on(s, None, chosen, address[0], digest, r.randrange(2, 4))
    s.wait(4, 40)
    s.see("mdi", STOLEN_TICKET, [8], [admin], [chosen, w.federation], typical="medium")
    s.wait(0.1, 2)
    s.see("mde", LSASS + ("Export of a signing key",), [6], [admin], [w.federation],
          [process(r, w.federation)], "high")
    s.wait(6, 40)
    application, victim = guid(r), r.choice(w.of("office"))
    s.see("mda", SIGN_IN, [1], [admin], keys=[("ip", address[1]), ("app", "directory")],
          typical="medium")
    s.wait(0.3, 5)
    s.see("mda", "Unusual addition of credentials", [3], [admin],
          keys=[("oauth", application), ("ip", address[1])], typical="medium")
    for _ in range(r.choice((2, 3, 4))):
        s.wait(3, 40)
        s.see("mda", "Unusual mailbox access", [9], [victim] if r.random() < 0.6 else [],
              keys=[("oauth", application), ("ip", address[1])], typical="low", lasts_s=HOUR)
    return [admin, victim]


def spray_and_device_code(w, r, t):
    """Many borrowed home addresses try passwords; then a code is asked for by mail."""
    s = Scene(w, r, "spray", t, True, 0.85)
    pool = [public_address(r) for _ in range(r.choice((4, 7, 10)))]
    tried = r.sample(w.everyone, r.choice((6, 10, 16)))
    victim, session, application = tried[0], fresh(r, "sess"), guid(r)
    for person in tried:
        s.see("mda", ("Password spray", "Unusual count of failed sign-ins") + SIGN_IN[:1], [6],
              [person], keys=[("ip", address) for address in r.sample(pool, 2)], typical="low",
              spread_h=16)
    s.wait(16, 50)
    sender = fresh(r, "s") + "@" + domain_name(r)
    for person in [victim] + r.sample(w.everyone, r.choice((1, 3))):
        s.see("mdo", (REPORTED, REMOVED, "Phish delivered because of an override"), [1], [person],
              keys=[("nmid", fresh(r, "nm")), ("sender", sender), ("dom", sender.split("@")[1])],
              typical="low", spread_h=2)
    s.wait(0.5, 8)
    s.see("mda", SIGN_IN + ("Sign-in by device code",), [1], [victim],
          keys=[("ip", pool[0]), ("sess", session)], typical="medium")
    s.wait(0.3, 6)
    s.see("mda", "Unusual consent to an application", [3], [victim],
          keys=[("oauth", application), ("sess", session)], typical="medium")
    for _ in range(r.choice((1, 2, 3))):
        s.wait(1, 24)
        keys = [("oauth", application)] + ([("ip", r.choice(pool))] if r.random() < 0.5 else [])
        s.see("mda", THEFT, [9], [victim] if r.random() < 0.7 else [], keys=keys, typical="medium",
              lasts_s=r.uniform(0, 2 * HOUR))
    return [victim]


def insider(w, r, t):
    """Somebody leaves and takes along what they made, a little every evening."""
    s, person = Scene(w, r, "insider", t, True, 0.9), r.choice(w.of("office", "dev"))
    shares = r.sample(w.shares, 2)
    for _ in range(r.choice((3, 4, 6))):
        z = r.random()
        if z < 0.45:
            s.see("mda", THEFT, [9], [person], keys=[
                ("res", r.choice(shares)), ("ip", w.address_of(r, person, s.t // DAY)),
                ("app", "sharepoint")], typical="medium", lasts_s=r.uniform(0, 3) * HOUR,
                nightly=r.random() < 0.4)
        elif z < 0.7:
            s.see("mde", ("Many files copied to USB", "Archive with a password was made"), [9],
                  [person], [person.device], [process(r, person.device)], "low")
        elif z < 0.85:
            s.see("mda", "Data sent to a personal cloud", [11], [person],
                  keys=[("app", "personal-cloud"), ("ip", person.home)], typical="medium")
        else:
            s.see("mdo", "Mail with sensitive content to the outside", [11], [person],
                  keys=[("imid", fresh(r, "im"))], typical="low")
        s.wait(5, 32)
    return [person]


def stolen_cookie(w, r, t):
    """A page in the middle takes the session; the mailbox writes invoices and finds the next."""
    s = Scene(w, r, "aitm", t, True, 0.85)
    proxy, host = attacker_addresses(r, 3), domain_name(r)
    victims = r.sample(w.of("office", "cloud"), r.choice((1, 2, 3)))
    sender = r.choice(w.partners)
    for number, person in enumerate(victims):
        session, url = fresh(r, "sess"), "https://%s/%s" % (host, hash_value(r, 6))
        message = [("nmid", fresh(r, "nm")), ("sender", sender), ("url", url), ("dom", host)]
        s.see("mdo", (REPORTED, REMOVED) if r.random() < 0.5 else CLICK, [1], [person],
              keys=message, typical="low" if r.random() < 0.5 else "medium")
        s.wait(0.05, 2)
        s.see("mda", SIGN_IN + ("Use of a stolen session cookie",), [1], [person],
              keys=[("ip", proxy[number % 3]), ("sess", session)], typical="medium")
        s.wait(0.3, 10)
        s.see("mda", RULE + ("Unusual addition of a second factor",), [3, 5], [person],
              keys=[("sess", session), ("ip", r.choice(proxy))], typical="medium")
        s.wait(2, 36)
        if r.random() < 0.7:
            inner = "https://%s/%s" % (domain_name(r), hash_value(r, 6))
            for other in victims[number + 1:] + r.sample(w.everyone, r.choice((2, 4, 8))):
                s.see("mdo", (REPORTED, REMOVED, "Phish from inside the house"), [1, 8], [other],
                      keys=[("nmid", fresh(r, "nm")), ("sender", person.mail), ("url", inner)],
                      typical="low", spread_h=3)
        thread = fresh(r, "im")
        for _ in range(r.choice((0, 1, 2))):
            s.wait(2, 30)
            s.see("mdo", "Possible fraud with a payment", [12], [person], keys=[("imid", thread)],
                  typical="medium")
        sender = person.mail
    return victims


def usb_worm(w, r, t):
    """A worm on sticks sits for days on a few machines; then its owner sells one of them."""
    s = Scene(w, r, "usbworm", t, True, 0.85)
    digest, hosts = hash_value(r), [domain_name(r) for _ in range(3)]
    carriers = r.sample([p for p in w.of("office", "shift") if p.device], r.choice((1, 2, 4)))
    for person in carriers:
        s.see("mde", MALWARE + ("Unknown USB device",), [1], [person], [person.device],
              [process(r, person.device), ("cmd", hash_value(r, 16))], "low")
        s.wait(0.02, 0.5)
        s.see("mde", ("Connection to a command server", "Suspicious script executed"), [10],
              [person] if r.random() < 0.7 else [], [person.device],
              [("dom", r.choice(hosts)), ("sha", digest)], "medium")
        s.wait(4, 30)
    s.wait(20, 70)
    victim, c2, beacon = carriers[0], public_address(r), hash_value(r)
    s.see("mde", ("Suspicious process was launched", "Process injection"), [5],
          [victim], [victim.device], [("sha", beacon), ("dom", r.choice(hosts))])
    hands_on(s, victim, victim.device, c2, beacon, r.randrange(3, 6))
    s.see("mdi", DIRECTORY, [7], [victim], [victim.device, r.choice(w.controllers)])
    s.wait(0.5, 8)
    target = r.choice(w.servers)
    s.see("mdi", STOLEN_TICKET, [6, 8], [r.choice(w.services[2:])], [victim.device, target])
    hands_on(s, None, target, c2, beacon, r.randrange(1, 4))
    return carriers


def helpful_caller(w, r, t):
    """A flood of mail, then a call from "support", then a remote tool."""
    s = Scene(w, r, "helpdesk", t, True, 0.85)
    victim, tool, c2 = r.choice(w.of("office")), hash_value(r), attacker_addresses(r, 2)
    for _ in range(r.choice((3, 5, 8))):
        s.see("mdo", ("Mail flood", REPORTED), [1], [victim],
              keys=[("nmid", fresh(r, "nm")), ("sender", fresh(r, "s") + "@" + domain_name(r))],
              typical="informational", spread_h=1.5)
    s.wait(1.5, 4)
    guests = w.of("guest")
    s.see("mda", "Message from an unknown outside account", [1],
          [victim] + ([r.choice(guests)] if guests and r.random() < 0.5 else []),
          keys=[("ip", c2[0]), ("app", "chat")], typical="low")
    s.wait(0.1, 1)
    s.see("mde", ("Remote tool was started", "Suspicious process was launched"), [2], [victim],
          [victim.device], [process(r, victim.device), ("ip", c2[0])], "low")
    s.wait(0.05, 0.6)
    hands_on(s, victim, victim.device, c2[1], tool, r.randrange(2, 6))
    if r.random() < 0.6:
        s.wait(1, 14)
        s.see("mda", SIGN_IN, [1], [victim], keys=[("ip", c2[0])], typical="medium")
        s.wait(0.3, 4)
        s.see("mda", THEFT, [9], [victim], keys=[("ip", c2[0]), ("res", r.choice(w.shares))],
              typical="medium", nightly=r.random() < 0.4)
    else:
        s.wait(1, 14)
        target = r.choice(w.file_servers)
        s.see("mdi", STOLEN_TICKET, [8], [victim], [victim.device, target])
        hands_on(s, victim, target, c2[1], tool, r.randrange(1, 3))
    return [victim]


def cloud_only(w, r, t):
    """A secret in a repository: from a developer's token to vaults, keys and machines."""
    s = Scene(w, r, "cloud", t, True, 0.9)
    developer, application = r.choice(w.of("dev")), guid(r)
    addresses, vault = attacker_addresses(r, 2), "vault/%s/%s" % (w.tenant, hash_value(r, 6))
    session = fresh(r, "sess")
    s.see("mda", SIGN_IN, [1], [developer], keys=[("ip", addresses[0]), ("sess", session)],
          typical="medium")
    s.wait(0.2, 5)
    for _ in range(r.choice((1, 2))):
        s.see("mda", ("Unusual read of secrets", "Unusual listing of resources"), [6],
              [developer] if r.random() < 0.7 else [],
              keys=[("res", vault), ("sess", session)], typical="medium")
        s.wait(0.5, 12)
    s.see("mda", "Unusual addition of credentials", [3], [developer],
          keys=[("oauth", application), ("ip", addresses[0])], typical="medium")
    for _ in range(r.choice((2, 3, 5))):
        s.wait(2, 36)
        z = r.random()
        if z < 0.4:
            s.see("mda", ("Unusual volume of calls by an application", "Unusual read of secrets"),
                  [7], keys=[("oauth", application), ("res", vault)], typical="low")
        elif z < 0.7:
            s.see("mda", "Data sent to an unknown storage account", [11],
                  keys=[("oauth", application), ("ip", r.choice(addresses))], typical="medium",
                  lasts_s=r.uniform(0, 5 * HOUR))
        else:
            s.see("mde", SCRIPT, [2], [], [r.choice(w.cloud_machines)],
                  [("ip", r.choice(addresses)), ("cmd", hash_value(r, 16))])
    return [developer]


def tickets_and_certificates(w, r, t):
    """Passwords of services cracked at home, a certificate in another's name, the whole domain."""
    s = Scene(w, r, "kerberoast", t, True, 0.85)
    victim, service, admin = r.choice(w.staff), r.choice(w.services), r.choice(w.admins)
    dc, machine = r.choice(w.controllers), victim.device
    s.see("mdi", DIRECTORY + ("Suspicious Kerberos request",), [7], [victim], [machine, dc],
          [("ipint", machine.address)])
    s.wait(0.1, 3)
    s.see("mdi", "Suspicious Kerberos request", [6], [victim, service], [machine, dc],
          typical="medium")
    s.wait(10, 60)
    s.see("mdi", ("Unusual sign-in of a service account", STOLEN_TICKET[1]), [8], [service],
          [machine, r.choice(w.app_servers)], [("ipint", machine.address)], "low")
    s.wait(0.5, 12)
    s.see("mdi", "Suspicious request of a certificate", [6], [service, admin],
          [machine, w.authority_server], typical="medium")
    s.wait(0.1, 6)
    s.see("mdi", STOLEN_TICKET, [8], [admin], [machine, dc], typical="high")
    s.wait(0.1, 4)
    s.see("mdi", "Replication of directory services by an unusual account", [6], [admin],
          [machine, dc], typical="high")
    if r.random() < 0.6:
        s.wait(4, 40)
        s.see("mdi", ("Suspicious addition to a sensitive group", "Suspected forged ticket"), [4],
              [admin, victim], [dc], typical="high")
    return [victim]


def miner(w, r, t):
    """Servers of one kind calculate for somebody else, for days, and nobody is signed in."""
    s = Scene(w, r, "miner", t, True, 0.8)
    digest, pool, host = hash_value(r), public_address(r), domain_name(r)
    servers = r.sample(w.app_servers + w.cloud_machines, r.choice((2, 3, 5)))
    s.see("mde", ("Possible exploitation of a server", "Suspicious process of a web server"), [1],
          [], [servers[0]], [process(r, servers[0]), ("ip", public_address(r))])
    for server in servers:
        s.wait(0.2, 10)
        s.see("mde", SCRIPT + ("Suspicious scheduled task",), [3], [], [server],
              [("sha", digest), ("cmd", "c" + digest[:15])], "low")
        s.see("mde", ("Digital currency mining", "Connection to a command server"), [12], [],
              [server], [("ip", pool), ("dom", host)], "medium", spread_h=6)
    for _ in range(r.choice((2, 4, 6))):
        s.wait(6, 30)
        s.see("mde", ("Digital currency mining", MALWARE[0]), [12], [], [r.choice(servers)],
              [("ip", pool)] if r.random() < 0.5 else [("sha", digest)], "low")
    return []


def wiper(w, r, t):
    """In by an old VPN account, out by a group policy: nothing is asked for, all is destroyed."""
    s = Scene(w, r, "wiper", t, True, 0.85)
    account, admin, dc = r.choice(w.staff), r.choice(w.admins), r.choice(w.controllers)
    address, tool, wipers = public_address(r), hash_value(r), [hash_value(r) for _ in range(2)]
    s.see("mda", SIGN_IN, [1], [account], keys=[("ip", address), ("app", "vpn")])
    s.wait(2, 40)
    jump = r.choice(w.app_servers)
    s.see("mdi", DIRECTORY, [7], [account], [jump, dc], typical="low")
    hands_on(s, account, jump, address, tool, r.randrange(2, 5))
    s.wait(6, 70)
    s.see("mdi", STOLEN_TICKET, [8], [admin], [jump, dc], typical="medium")
    s.wait(0.5, 10)
    s.see("mde", TAMPER, [5], [admin], [dc], [("sha", tool)])
    s.see("mdi", "Suspicious change of a group policy", [4], [admin], [dc], typical="medium")
    s.wait_for_night()
    for device in r.sample(w.devices, r.choice((6, 10, 18))):
        s.see("mde", ENCRYPT + ("Destruction of the boot sector",), [12],
              [admin] if r.random() < 0.3 else [], [device],
              [("sha", r.choice(wipers))] + ([("cmd", "c" + tool[:15])] if r.random() < 0.6
                                             else []), "high", spread_h=0.4)
    return [account]


def pentest(w, r, t):
    """A week of hired testers: office hours, one laptop of theirs, every noise there is."""
    s = Scene(w, r, "pentest", t, True, 0.75)
    laptop = w.add_device(r, "guest-lt%d" % len(w.devices), 0)
    account, tool = r.choice(w.of("it")), hash_value(r)
    for _ in range(r.choice((3, 4))):
        for _ in range(r.randrange(2, 6)):
            target = r.choice(w.servers + w.controllers)
            z = r.random()
            if z < 0.5:
                s.see("mdi", DIRECTORY + STOLEN_TICKET + ("Suspected brute force of passwords",),
                      [r.choice((6, 7))], [account] if r.random() < 0.6 else [], [laptop, target],
                      [("ipint", laptop.address)])
            elif z < 0.8:
                s.see("mde", SCRIPT + LSASS, [r.choice((2, 6, 8))],
                      [account] if r.random() < 0.7 else [], [target],
                      [("sha", tool), process(r, target)] if r.random() < 0.7
                      else [("ipint", laptop.address)])
            else:
                s.see("mde", "Network scan", [7], [], [target], [("ipint", laptop.address)], "low")
            s.wait(0.1, 2)
        s.wait(12, 20)
    return []


def stealer(w, r, t):
    """A false installer takes the passwords; days later somebody who bought them signs in."""
    s = Scene(w, r, "stealer", t, True, 0.85)
    victim, digest, host = r.choice(w.staff), hash_value(r), domain_name(r)
    s.see("mde", MALWARE, [2], [victim], [victim.device],
          [("dom", host), ("sha", digest), process(r, victim.device)], "medium")
    s.wait(0.02, 0.4)
    s.see("mde", ("Theft of browser passwords", "Suspicious access to memory"), [6],
          [victim], [victim.device], [("sha", digest)], "medium")
    s.wait(0.02, 1)
    s.see("mde", "Connection to a command server", [10], [], [victim.device],
          [("ip", public_address(r)), ("sha", digest)], "low")
    s.wait(30, 90)
    address, session = public_address(r), fresh(r, "sess")
    s.see("mda", SIGN_IN + ("Use of a stolen session cookie",), [1], [victim],
          keys=[("ip", address), ("sess", session)])
    for _ in range(r.choice((1, 2, 3))):
        s.wait(0.3, 12)
        s.see("mda", THEFT + RULE, [9], [victim], keys=[("sess", session), ("ip", address)],
              lasts_s=r.uniform(0, HOUR), nightly=r.random() < 0.3)
    return [victim]


def hijacked_thread(w, r, t):
    """An answer in an old conversation with a partner, a loader, and a key to the file server."""
    s = Scene(w, r, "loader", t, True, 0.85)
    sender, digest, c2 = r.choice(w.partners), hash_value(r), attacker_addresses(r, 2)
    thread, host = fresh(r, "im"), domain_name(r)
    readers = r.sample(w.of("office"), r.choice((2, 4, 6)))
    for person in readers:
        s.see("mdo", (REPORTED, REMOVED, "Phish delivered because of an override"), [1], [person],
              keys=[("nmid", fresh(r, "nm")), ("imid", thread), ("sender", sender), ("dom", host),
                    ("url", "https://%s/%s" % (host, hash_value(r, 6)))],
              typical="low", spread_h=5)
    bitten = readers[:r.choice((1, 1, 2))]
    for person in bitten:
        s.wait(0.5, 8)
        s.see("mde", MALWARE + SCRIPT, [2], [person], [person.device],
              [("sha", digest), ("dom", host)], "medium")
        s.wait(0.1, 3)
        hands_on(s, person, person.device, c2[0], digest, r.randrange(2, 5))
    s.wait(5, 48)
    target = r.choice(w.file_servers)
    s.see("mdi", STOLEN_TICKET + DIRECTORY, [8], [bitten[0]], [bitten[0].device, target])
    hands_on(s, bitten[0], target, c2[1], hash_value(r), r.randrange(1, 4))
    s.wait(1, 20)
    s.see("mde", "Large upload to an unknown address", [11], [bitten[0]], [target],
          [("ip", c2[1])])
    return bitten


CAMPAIGNS = (server_to_ransom, poisoned_update, spray_and_device_code, insider, stolen_cookie,
             usb_worm, helpful_caller, cloud_only, tickets_and_certificates, miner, wiper, pentest,
             stealer, hijacked_thread)
