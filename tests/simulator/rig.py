"""What checks of weir-sim share: requests, a listener, the program itself."""

import collections
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
PROGRAM = os.path.join(ROOT, os.environ.get("B", "build"), "weir-sim")
DATA = os.path.join(os.environ.get("SHARED", os.path.join(ROOT, "../shared")), "data")
PATIENCE_S = 30
failures = []


def check(condition, sentence):
    if not condition:
        failures.append(sentence)
        print("FAILED: " + sentence)


def ask(url, body=None, headers=None, method=None):
    """Status, headers in lower case, body."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def form(**fields):
    return urllib.parse.urlencode(fields).encode()


def query(**fields):
    return "?" + urllib.parse.urlencode({k.replace("_S_", "$"): v for k, v in fields.items()})


def stamp(offset_s=0.0):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + offset_s))


class Listener:
    """A syslog listener that keeps lines as they came: by datagram, LF and octet count. Until it
    is opened, connections are refused."""

    def __init__(self):
        self.tcp, self.udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.bind(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp.bind(("127.0.0.1", self.port))
        self.lines, self.streams = [], []

    def open(self):
        self.tcp.listen()
        for work in (self.datagrams, self.connections):
            threading.Thread(target=work, daemon=True).start()

    def datagrams(self):
        while True:
            self.lines.append(self.udp.recv(65536))

    def connections(self):
        while True:
            peer, _address = self.tcp.accept()
            self.streams.append(bytearray())
            threading.Thread(target=self.stream, args=(peer, self.streams[-1]), daemon=True).start()

    @staticmethod
    def stream(peer, into):
        while True:
            data = peer.recv(65536)
            if not data:
                return
            into.extend(data)

    def all(self):
        lines = list(self.lines)
        for stream in self.streams:
            text = bytes(stream)
            while text:
                if text[:1] == b"<":
                    line, _, text = text.partition(b"\n")
                else:
                    count, _, text = text.partition(b" ")
                    line, text = text[:int(count)], text[int(count):]
                lines.append(line)
        return lines


class Sim:
    def __init__(self, *flags, syslog=None):
        self.dir = tempfile.mkdtemp()
        self.listener = Listener() if syslog is None else None
        self.process = subprocess.Popen(
            [PROGRAM, "--dir", self.dir, "--syslog",
             "127.0.0.1:%d" % (self.listener.port if syslog is None else syslog)] + list(flags),
            stdout=subprocess.DEVNULL)
        path, until = os.path.join(self.dir, "sim.json"), time.monotonic() + PATIENCE_S
        while not os.path.exists(path) and time.monotonic() < until:
            time.sleep(0.01)
        with open(path, encoding="utf-8") as stream:
            self.settings = json.load(stream)
        self.endpoint, self.mail = (self.settings["sources"][n] for n in ("endpoint", "mail"))
        self.apps, self.control = self.settings["sources"]["apps"], self.settings["control_url"]
        self.feed = "%s/api/v1.0/%s/activity/feed/" % (self.mail["base_url"],
                                                       self.settings["directory_id"])
        self.blobs, self.served = {}, collections.defaultdict(set)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(PATIENCE_S) == 0, "SIGTERM ends it with 0")
        shutil.rmtree(self.dir)

    def token(self, source, **instead):
        v2 = "/v2.0/" in source["token_url"]
        fields = {"grant_type": "client_credentials", "client_id": source["client_id"],
                  "client_secret": source["client_secret"],
                  "scope" if v2 else "resource": source["resource"] + ("/.default" if v2 else "")}
        fields.update(instead)
        status, _headers, body = ask(source["token_url"], form(**fields))
        return status, json.loads(body)

    def bearer(self, source):
        return {"Authorization": "Bearer " + self.token(source)[1]["access_token"]}

    def state(self):
        return json.loads(ask(self.control + "/state")[2])

    def deliveries(self):
        return [json.loads(line) for line in ask(self.control + "/deliveries")[2].splitlines()]

    def note(self, source, payload):
        self.served[source].add(hashlib.sha256(payload).hexdigest())


def raw_items(text, opening, closing):
    """The bytes of each item of a list that the simulator wrote between two known marks."""
    text = text[text.index(opening) + len(opening):text.rindex(closing)].decode()
    items, decoder, at = [], json.JSONDecoder(), 0
    while at < len(text):
        _value, end = decoder.raw_decode(text, at)
        items.append(text[at:end].encode())
        at = end + 1
    return items
