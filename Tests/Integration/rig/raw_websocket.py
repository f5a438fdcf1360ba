# SPDX-License-Identifier: Apache-2.0
"""The hand-written client over WebSocket: one JSON-RPC message a text frame, sub-protocol `mcp`."""

import contextlib
import json
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from rig.raw_client import RawClient


class RawWebSocketClient(RawClient):
    """One connection; the shared-channel rules of stdio."""

    def __init__(self, url, version, capabilities=None, handshake=True, **options):
        super().__init__(version, capabilities)
        options.setdefault("subprotocols", ["mcp"])
        self.stack = contextlib.ExitStack()
        self.socket = self.stack.enter_context(
            connect(url, max_size=None, proxy=None, compression=None, **options)
        )
        self.thread = threading.Thread(target=self.read_frames, daemon=True)
        self.thread.start()
        if handshake:
            self.handshake()

    def read_frames(self):
        try:
            for text in self.socket:
                self.received(json.loads(text))
        except ConnectionClosed:
            pass
        for number in list(self.calls):
            self.fail(number, ConnectionError(f"closed: {self.socket.close_code} {self.socket.close_reason}"))

    def transmit(self, message, call):
        self.socket.send(json.dumps(message, ensure_ascii=False))

    def cancel(self, number):
        self.notify("notifications/cancelled", {"requestId": number, "reason": "given up"})

    def close(self, timeout=10):
        """Ends the connection as RFC 6455 says and returns the code that the other side closed with."""
        self.stack.close()
        self.thread.join(timeout)
        return self.socket.close_code
