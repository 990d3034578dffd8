"""A client of weir-sim for the checks beside this file: starts a scenario, asks, compares."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from rig import PATIENCE_S, PROGRAM, query


class Failures(list):
    def check(self, condition, sentence):
        if not condition:
            self.append(sentence)
            print("FAILED: " + sentence)


def ask(url, body=None, headers=None, method=None):
    """Status, headers as they are spelled, body."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def raw_items(text, opening):
    """The bytes of each item of the list that begins behind a mark."""
    at, text = text.index(opening) + len(opening), text
    items, decoder, text = [], json.JSONDecoder(), text.decode()
    while text[at] != "]":
        _value, end = decoder.raw_decode(text, at)
        items.append(text[at:end].encode())
        at = end + 1 if text[end] == "," else end
    return items


class Sim:
    def __init__(self, scenario, *flags):
        self.dir = tempfile.mkdtemp()
        more = list(flags)
        if scenario is not None:
            path = os.path.join(self.dir, "scenario.json")
            with open(path, "w", encoding="utf-8") as stream:
                json.dump(scenario, stream)
            more += ["--scenario", path]
        self.process = subprocess.Popen([PROGRAM, "--dir", self.dir] + more,
                                        stdout=subprocess.DEVNULL)
        path, until = os.path.join(self.dir, "sim.json"), time.monotonic() + PATIENCE_S
        while not os.path.exists(path) and time.monotonic() < until:
            time.sleep(0.01)
        with open(path, encoding="utf-8") as stream:
            self.settings = json.load(stream)
        self.control = self.settings["control_url"]

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, "SIGTERM ends it with 0"
        shutil.rmtree(self.dir)

    def tenants(self):
        with open(os.path.join(self.dir, "tenants.jsonl"), encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    def get(self, what, **fields):
        return json.loads(ask("%s/%s%s" % (self.control, what, query(**fields)))[2])

    def advance(self, seconds):
        return json.loads(ask("%s/advance?seconds=%d" % (self.control, seconds), b"")[2])

    def truth(self, **fields):
        body = ask("%s/truth%s" % (self.control, query(**fields)))[2]
        return [json.loads(line) for line in body.splitlines()]

    def wrongs(self):
        return [w["kind"] for w in self.get("violations")["first"]]

    def token(self, source="endpoint", settings=None, **instead):
        """Status and answer of the token endpoint; instead=None leaves a field out."""
        s = (settings or self.settings)["sources"]["endpoint" if source == "apps" else source]
        url = instead.pop("url", s["token_url"])
        v2 = "/v2.0/" in url
        resource = "05a65629-4c1b-48c1-a78b-804c4abdd4af" if source == "apps" else s["resource"]
        fields = {"grant_type": "client_credentials", "client_id": s["client_id"],
                  "client_secret": s["client_secret"],
                  "scope" if v2 else "resource": resource + ("/.default" if v2 else "")}
        fields.update(instead)
        form = urllib.parse.urlencode({k: v for k, v in fields.items() if v is not None}).encode()
        status, _h, body = ask(url, form)
        return status, body

    def bearer(self, source="endpoint", settings=None):
        return {"Authorization": "Bearer " + json.loads(self.token(source, settings)[1])
                ["access_token"]}

    def apps_header(self, settings=None):
        return {"Authorization": "Token " + (settings or self.settings)["sources"]["apps"]["token"]}


def sha(payload):
    return hashlib.sha256(payload).hexdigest()
