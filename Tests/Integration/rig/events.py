# SPDX-License-Identifier: Apache-2.0
"""Where fixture servers report what happened to them, so that tests wait for facts."""

import contextlib
import json
import select
import socket
import threading
import time


class EventSink:
    """A unix socket that collects JSON lines from any number of servers."""

    def __init__(self, path):
        self.path, self.events, self.changed = str(path), [], threading.Condition()
        self.connections = set()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        rest = b""
        with self.changed:
            self.connections.add(connection)
        with contextlib.suppress(OSError, ValueError):
            while True:
                select.select([connection], [], [])
                # Taken and kept in one step, so that settled() sees either.
                with self.changed:
                    if not (data := connection.recv(1 << 20)):
                        break
                    *lines, rest = (rest + data).split(b"\n")
                    self.events += [json.loads(line) for line in lines]
                    self.changed.notify_all()
        with self.changed:
            self.connections.discard(connection)
            connection.close()
            self.changed.notify_all()

    def settled(self, timeout=10):
        """Waits until everything that servers have reported so far is among the events."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while self.connections and select.select(self.connections, [], [], 0)[0]:
                left = deadline - time.monotonic()
                assert left > 0, "the servers never stop reporting"
                self.changed.wait(left)

    def mark(self):
        """A position to wait from."""
        with self.changed:
            return len(self.events)

    def since(self, mark, event=None, **fields):
        """The events after `mark` with these fields."""
        wanted = {**({"event": event} if event else {}), **fields}
        with self.changed:
            return [e for e in self.events[mark:] if all(e.get(k) == v for k, v in wanted.items())]

    def wait(self, event, mark=0, timeout=10, **fields):
        """The first event after `mark` with these fields, as soon as it is there."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while not (found := self.since(mark, event, **fields)):
                left = deadline - time.monotonic()
                if left <= 0:
                    seen = [
                        {k: v for k, v in e.items() if k not in ("message", "headers")}
                        for e in self.events[mark:]
                    ]
                    raise AssertionError(f"no event {event} {fields} within {timeout} s; seen: {seen[-20:]}")
                self.changed.wait(left)
        return found[0]

    def close(self):
        self.listener.close()
