"""server.py FOLDER LOG -- a web server on loopback that behaves as badly as its paths say; prints its port. Every request is a line
in LOG: path, what its Range asked for ("-": nothing), the status of the answer. /MODE/FILE serves FOLDER/FILE:

good       as it should be, with ranges             norange     always the whole file
breaks     at most a third of the file, then it hangs up; with ranges
cut        half of it, then it hangs up; no ranges  slow        1 KB every 0.1 s, with ranges
long short announces too much, too little           nolength    announces nothing, hangs up after half
other      other bytes of the same length           endless     bytes without end
shifted    a range from another place               patched     once half of other bytes, then as good
flaky      once 500, then as good                   404 500     that status
redirect   to good                                  to-file     to a file://
loop       to itself
"""
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT, LOG = sys.argv[1:3]
seen = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, status):
        with open(LOG, "a") as log:
            log.write(f"{self.path} {self.headers.get('Range', '-')} {status}\n")

    def head(self, status, **headers):
        self.note(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def hang_up(self, data):
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True

    def endless(self):
        self.head(200, Connection="close")
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def first_time(self):
        first = self.path not in seen
        seen.add(self.path)
        return first

    def from_byte(self, mode, size):
        asked = self.headers.get("Range")
        if not asked or mode in ("norange", "cut", "long", "short", "nolength", "other"):
            return 0
        return int(asked.split("=")[1].split("-")[0])

    def do_GET(self):
        _, mode, name = self.path.split("/", 2)
        if mode in ("404", "500") or mode == "flaky" and self.first_time():
            return self.head(int(mode) if mode != "flaky" else 500, Content_Length=0)
        if mode in ("redirect", "to-file", "loop"):
            to = {"redirect": "/good/" + name, "to-file": "file:///etc/hostname", "loop": self.path}[mode]
            return self.head(302, Location=to, Content_Length=0)
        if mode == "endless":
            return self.endless()
        path = os.path.join(ROOT, name)
        if not os.path.exists(path):
            return self.head(404, Content_Length=0)
        with open(path, "rb") as f:
            data = f.read()
        size = len(data)
        if mode == "other" or mode == "patched" and self.first_time():
            data = bytes(b ^ 1 for b in data)
            if mode == "patched":
                mode = "cut"
        begin = self.from_byte(mode, size)
        if begin >= size > 0:
            return self.head(416, Content_Length=0)
        rest = data[begin:]
        headers = {"Content_Length": len(rest)}
        if begin:
            at = begin - 1 if mode == "shifted" else begin
            headers["Content_Range"] = f"bytes {at}-{size - 1}/{size}"
        if mode == "long":
            headers["Content_Length"] = size + 1000
        if mode == "short":
            headers["Content_Length"] = size // 2
        if mode == "nolength":
            headers = {"Connection": "close"}
        self.head(206 if begin else 200, **headers)
        if mode == "breaks":
            return self.hang_up(rest[:size // 3 + 1])
        if mode in ("cut", "nolength", "short"):
            return self.hang_up(rest[:size // 2])
        if mode == "long":
            return self.hang_up(rest)
        if mode == "slow":
            for i in range(0, len(rest), 1024):
                self.wfile.write(rest[i:i + 1024])
                time.sleep(0.1)
            return None
        self.wfile.write(rest)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):  # a client that has heard enough
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
