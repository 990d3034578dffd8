"""A gate between workers and weir-sim: who was asked for whom, from when to when.

It may hold each request for a moment, or those of one tenant until the worker gives up; so a test
sees what is under way, which a simulator that answers at once never shows.
"""
import http.client
import http.server
import select
import socket
import threading
import time
import urllib.parse


class Request:
    def __init__(self, tenant, path):
        self.tenant, self.path = tenant, path
        self.began, self.ended, self.cut = time.monotonic(), None, False


class Gate:
    def __init__(self, hold_s=0.0):
        self.hold_s, self.forever = hold_s, None  # forever: the tenant that gets no answer
        self.requests, self.lock = [], threading.Lock()
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                gate.pass_on(self)

            do_GET = do_POST = do_PATCH = handle_any

            def log_message(self, *_args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args):
                pass  # a worker that closes between two requests: its right

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, tenant, base_url):
        """The address in place of a service's, for this tenant."""
        parts = urllib.parse.urlsplit(base_url)
        return "http://127.0.0.1:%d/%s/%s%s" % (self.server.server_port, tenant, parts.netloc,
                                                parts.path)

    def of(self, tenant):
        with self.lock:
            return [r for r in self.requests if r.tenant == tenant]

    def at_once(self, tenant, path):
        """Pairs of requests that were under way at the same moment, of those with this path."""
        mine = [r for r in self.of(tenant) if r.path == path]
        ends = [r.ended if r.ended is not None else float("inf") for r in mine]
        return [(a.path, b.path) for i, a in enumerate(mine) for b in mine[i + 1:]
                if b.began < ends[i]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- one request

    @staticmethod
    def gave_up(connection, seconds):
        """The worker closes within so long; None waits until it does."""
        ready = select.select([connection], [], [], seconds)[0]
        try:
            return bool(ready) and connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def pass_on(self, h):
        _, tenant, host, rest = h.path.split("/", 3)
        body = h.rfile.read(int(h.headers.get("Content-Length", 0)))
        asked = Request(tenant, "/" + rest.split("?")[0])
        with self.lock:
            self.requests.append(asked)
        held = None if self.forever == tenant else self.hold_s
        asked.cut = self.gave_up(h.connection, held)
        try:
            if not asked.cut:
                self.answer(h, host, "/" + rest, body, asked)
        except OSError:
            asked.cut = True
        asked.ended = asked.ended or time.monotonic()
        h.close_connection = h.close_connection or asked.cut

    @staticmethod
    def answer(h, host, path, body, asked):
        service = http.client.HTTPConnection(host, timeout=30)
        headers = {k: v for k, v in h.headers.items() if k.lower() not in ("host", "connection")}
        service.request(h.command, path, body, headers)
        got = service.getresponse()
        content = got.read()
        service.close()
        h.send_response_only(got.status, got.reason)
        for name, value in got.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                h.send_header(name, value)
        h.send_header("Content-Length", str(len(content)))
        asked.ended = time.monotonic()  # before the worker can know, and ask again
        h.end_headers()
        h.wfile.write(content)
