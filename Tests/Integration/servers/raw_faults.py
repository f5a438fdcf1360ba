# SPDX-License-Identifier: Apache-2.0
"""Every way in which the hand-written server breaks the protocol: the kinds of its tool `fault`."""

import json
import os

EXACT = '"n":1.50,"big":12345678901234567890,"esc":"\\u00e9\\/","x-unknown":{"b":1,"a":[ 2,3 ]}'


def text_result(text):
    return {"content": [{"type": "text", "text": text}]}


class Faults:
    """One method for each kind. `m` is the request, `a` its arguments, `out` the way back."""

    async def fault_garbage(self, m, a, out):
        await out.raw(b"this is not JSON at all {]")

    async def fault_not_object(self, m, a, out):
        await out.raw(b'"a string"')

    async def fault_twice(self, m, a, out):
        line = json.dumps(self.result(m, text_result("once"))).encode()
        await out.stream([line, line])

    async def fault_wrong_id(self, m, a, out):
        await out.send({**self.result(m, text_result("other")), "id": 987654321})

    async def fault_null_id(self, m, a, out):
        await out.send({"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": "who asked?"}})

    async def fault_neither(self, m, a, out):
        await out.send({"jsonrpc": "2.0", "id": m["id"]})

    async def fault_bad_shape(self, m, a, out):
        await out.send(self.result(m, {"content": "a string is no list", "isError": "perhaps"}))

    async def fault_torn(self, m, a, out):
        await out.torn(json.dumps(self.result(m, text_result("x" * 5000))).encode()[:2000])

    async def fault_silence(self, m, a, out):
        await out.never()

    async def fault_die(self, m, a, out):
        os._exit(7)

    async def fault_stderr_flood(self, m, a, out):
        line = b"noise " * 170 + b"\n"
        for _ in range(a.get("lines", 20000)):
            os.write(2, line)
        await out.send(self.result(m, text_result("still here")))

    async def fault_huge(self, m, a, out):
        await out.send(self.result(m, text_result("x" * a["bytes"])))

    async def fault_bad_utf8(self, m, a, out):
        await out.raw(
            json.dumps(self.result(m, text_result("PLACE"))).encode().replace(b"PLACE", b"\xff\xfe\xc0")
        )

    async def fault_deep(self, m, a, out):
        n = a.get("depth", 50000)
        body = json.dumps(self.result(m, {**text_result("deep"), "structuredContent": {"d": "PLACE"}}))
        await out.raw(body.replace('"PLACE"', "[" * n + "]" * n).encode())

    async def fault_slow_headers(self, m, a, out):
        await out.partial_head()

    async def fault_html(self, m, a, out):
        await out.raw(b"<html><body>502 Bad Gateway</body></html>", status=502, kind="text/html")

    async def fault_empty(self, m, a, out):
        await out.raw(b"")

    async def fault_stream_end(self, m, a, out):
        note = {
            "jsonrpc": "2.0",
            "method": "notifications/message",
            "params": {"level": "info", "data": "bye"},
        }
        await out.stream([json.dumps(note).encode()])

    async def fault_stream_noise(self, m, a, out):
        odd = [b'{"jsonrpc":"2.0","method":"notifications/unheard/of","params":{"x":1}}']
        if a.get("words"):
            odd.insert(0, b"Server starting... (not JSON)")
        await out.stream(odd + [json.dumps(self.result(m, text_result("after noise"))).encode()])

    async def fault_unknown_result_type(self, m, a, out):
        await out.send(
            {
                "jsonrpc": "2.0",
                "id": m["id"],
                "result": {"resultType": "com.example/unheard", **text_result("?")},
            }
        )

    async def fault_ask(self, m, a, out):
        """A handshake-era server asks the client before it answers."""
        question = {
            "jsonrpc": "2.0",
            "id": "q-" + str(m["id"]),
            "method": a["method"],
            "params": a.get("params", {}),
        }
        await out.ask(question, lambda answer: self.result(m, text_result(json.dumps(answer))))

    async def fault_exact(self, m, a, out):
        """No fault: an answer whose spelling a middleman must keep; reports the bytes of the request."""
        self.events.emit("exact", raw=self.last.decode())
        plain = json.dumps(self.result(m, {**text_result("exact"), "structuredContent": {"EXACT": 0}}))
        await out.raw(plain.replace('"EXACT": 0', EXACT).encode())
