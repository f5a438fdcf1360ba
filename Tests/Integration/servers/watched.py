# SPDX-License-Identifier: Apache-2.0
"""What servers offer whose resources are subscribed to: some of these, and a tool that says one changed."""

RESOURCES = [
    {"uri": "watch://one", "name": "one"},
    {"uri": "watch://two", "name": "two"},
    {"uri": "watch://tree", "name": "tree"},
]
TOOLS = [
    {
        "name": "touch",
        "description": "Says that a resource changed",
        "inputSchema": {
            "type": "object",
            "properties": {"uri": {"type": "string"}},
            "required": ["uri"],
        },
    }
]
