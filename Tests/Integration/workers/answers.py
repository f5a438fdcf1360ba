# SPDX-License-Identifier: Apache-2.0
"""Callbacks for an SDK client: they answer a server's questions as the test says, and report them."""

ELICITATION, SAMPLING, ROOTS = "elicitation/create", "sampling/createMessage", "roots/list"


def plain(params):
    return params.model_dump(by_alias=True, mode="json", exclude_none=True) if params else {}


def callbacks(types, answers, note):
    """Keyword arguments for the SDK's client. `answers` maps methods to results or {"error": …}.

    It may change later. Without answers there are no callbacks, and so the client declares nothing.
    """

    def answer(method, params, kind):
        note("asked/" + method, {"params": plain(params)})
        body = answers[method]
        if "error" in body:
            return types.ErrorData.model_validate(body["error"])
        return kind.model_validate(body)

    async def elicit(context, params):
        return answer(ELICITATION, params, types.ElicitResult)

    async def sample(context, params):
        return answer(SAMPLING, params, types.CreateMessageResult)

    async def roots(context):
        return answer(ROOTS, None, types.ListRootsResult)

    wanted = {}
    if answers:
        named = {ELICITATION: ("elicitation_callback", elicit), SAMPLING: ("sampling_callback", sample)}
        named[ROOTS] = ("list_roots_callback", roots)
        # SDK 1.9 knows no elicitation.
        wanted = {
            k: c
            for m, (k, c) in named.items()
            if m in answers and (m != ELICITATION or hasattr(types, "ElicitResult"))
        }
    return wanted
