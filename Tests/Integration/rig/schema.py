# SPDX-License-Identifier: Apache-2.0
"""Validation of single JSON-RPC messages against the schema of the protocol revision in force."""

import functools
import json

import jsonschema

from rig.places import SCHEMAS
from rig.rpc import META, MODERN, VERSIONS
from rig.task_schema import extend

LATER_FIELDS = ("resultType", "ttlMs", "cacheScope")
ALL = VERSIONS + [MODERN]


class Revision:
    """One revision's schema: which method has which definition, and who may send it."""

    def __init__(self, version):
        self.version = version
        self.document = json.loads((SCHEMAS / version / "schema.json").read_text())
        self.key = "$defs" if "$defs" in self.document else "definitions"
        self.defs = self.document[self.key]
        self.by_method = {}
        for name, body in self.defs.items():
            method = body.get("properties", {}).get("method", {}).get("const")
            if method and not name.startswith(("Client", "Server")):
                self.by_method[method] = name
        self.senders = {side: self._methods(side) for side in ("Client", "Server")}
        extend(self)

    def _methods(self, side):
        found = set()
        for kind in ("Request", "Notification"):
            union = self.defs.get(side + kind, {})
            refs = [u["$ref"].rpartition("/")[2] for u in union.get("anyOf", [])] or (
                [union["$ref"].rpartition("/")[2]] if "$ref" in union else []
            )
            found |= {m for m, d in self.by_method.items() if d in refs}
            if const := union.get("properties", {}).get("method", {}).get("const"):
                found.add(const)
        return found

    @functools.cache
    def validator(self, definition):
        kind = jsonschema.Draft7Validator if self.version <= "2025-06-18" else jsonschema.Draft202012Validator
        return kind({"$ref": f"#/{self.key}/{definition}", self.key: self.defs})

    def problems(self, definition, value):
        found = []
        for e in self.validator(definition).iter_errors(value):
            deepest = jsonschema.exceptions.best_match([e])
            path = "/".join(str(p) for p in deepest.absolute_path) or "(the message)"
            found.append(f"{definition} at {path}: {deepest.message[:300]}")
        return found

    def result_definition(self, method):
        """(definition, whether it covers the whole response) for the answer to a method."""
        stem = self.by_method[method].removesuffix("Request")
        if stem + "ResultResponse" in self.defs:
            return stem + "ResultResponse", True
        if stem + "Result" in self.defs:
            return stem + "Result", False
        return "EmptyResult", False


@functools.cache
def revision(version):
    return Revision(version)


def call_problems(message, version, side):
    """What is wrong with a request or notification sent by `side` (Client or Server)."""
    if version not in ALL:
        return [f"no such revision: {version!r}"]
    r, method = revision(version), message["method"]
    if method not in r.senders[side]:
        return [f"{method} is nothing that a {side.lower()} of {version} sends"]
    envelope = r.problems("JSONRPCRequest" if "id" in message else "JSONRPCNotification", message)
    found = envelope + r.problems(r.by_method[method], message)
    meta = (message.get("params") or {}).get("_meta") or {}
    if version != MODERN and any(k.startswith(META) and not k.endswith("/related-task") for k in meta):
        found.append(f"modern _meta keys on a {version} message: {sorted(meta)}")
    return found


def answer_problems(message, method, version):
    """What is wrong with the answer to `method`."""
    if version not in ALL:
        return [f"no such revision: {version!r}"]
    r = revision(version)
    if "error" in message:
        name = "JSONRPCErrorResponse" if "JSONRPCErrorResponse" in r.defs else "JSONRPCError"
        return r.problems(name, message)
    if method not in r.by_method:
        return [f"a result for {method}, which {version} does not have"]
    definition, whole = r.result_definition(method)
    name = "JSONRPCResultResponse" if "JSONRPCResultResponse" in r.defs else "JSONRPCResponse"
    found = r.problems(name, message) + r.problems(definition, message if whole else message.get("result"))
    if version != MODERN and isinstance(message.get("result"), dict):
        found += [f"{f} in a {version} result" for f in LATER_FIELDS if f in message["result"]]
    return found
