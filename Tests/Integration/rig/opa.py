# SPDX-License-Identifier: Apache-2.0
"""Open Policy Agent's REST API, as far as POST /v1/data/PATH, in front of a real evaluator of Rego (regopy)."""

import contextlib
import http.server
import json
import threading

import regopy


class Opa:
    """`modules`: Rego texts by name. `asked` holds every input."""

    def __init__(self, **modules):
        self.modules, self.asked, self.lock = modules, [], threading.Lock()
        self.broken, self.hanging, self.release = None, False, threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with owner.lock:
                    owner.asked.append((self.path, body["input"]))
                if owner.hanging:
                    owner.release.wait(20)
                status, answer = owner.broken or (200, owner.evaluate(self.path, body["input"]))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def evaluate(self, path, given):
        rego = regopy.Interpreter()
        for name, text in self.modules.items():
            rego.add_module(name, text)
        rego.set_input(given)
        query = "data." + path.removeprefix("/v1/data/").replace("/", ".")
        found = str(rego.query("x = " + query))
        bindings = {} if found == "undefined" else json.loads(found)["bindings"]
        return json.dumps({"result": bindings["x"]} if "x" in bindings else {}).encode()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
