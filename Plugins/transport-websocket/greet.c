/* SPDX-License-Identifier: Apache-2.0
 * The client's part of the opening handshake (RFC 6455 section 4.1). */
#include "uplink.h"

#include <stdio.h>

static const uint64_t pause_most = 3600;

static int answer_head(struct incoming *in) {
    (void)in;
    // Whatever body a refusal has, its head says all that is wanted.
    return 1;
}

void greet_start(struct uplink *u) {
    struct remote *o = &u->remote;
    jf_self *self = o->self;
    uint8_t random[16];
    char key[KEY_LENGTH + 1];
    sender_random(&whole(self)->sender, random, sizeof(random));
    key_make(random, key);
    key_answer(view_make(key, KEY_LENGTH), u->accept);
    u->state = UPLINK_SHAKING;
    u->asked_pause = 0;
    u->in.self = self;
    u->in.owner = u;
    u->in.on_head = answer_head;
    u->in.max_head = 65536;
    const char *const texts[] = {"GET ",
                                 u->path,
                                 " HTTP/1.1\r\nHost: ",
                                 o->authority,
                                 "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
                                 key,
                                 "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mcp\r\n",
                                 u->headers,
                                 "\r\n"};
    struct iovec parts[sizeof(texts) / sizeof(texts[0])];
    uint32_t count = 0;
    for (; count < sizeof(texts) / sizeof(texts[0]); count++)
        parts[count] = (struct iovec){(void *)(uintptr_t)texts[count], strlen(texts[count])};
    if (!incoming_begin(&u->in, HTTP_RESPONSE)) {
        uplink_fail(u, JF_E_FAULT, "out of memory for a connection to server \"%s\"", o->name);
        return;
    }
    uplink_write(u, parts, count, NULL);
    uplink_flush(u);
}

static void refused(struct uplink *u, uint32_t status) {
    const char *name = u->remote.name;
    jf_view wait = incoming_field(&u->in, FIELD_RETRY_AFTER);
    uint64_t seconds = 0;
    for (uint64_t i = 0; i < wait.len && wait.ptr[i] >= '0' && wait.ptr[i] <= '9' && seconds < pause_most;
         i++)
        seconds = 10 * seconds + (uint64_t)(wait.ptr[i] - '0');
    u->asked_pause = (seconds > pause_most ? pause_most : seconds) * 1000000000u;
    if (status == 401 || status == 403)
        uplink_fail(u, JF_E_DENIED, "server \"%s\" refuses the WebSocket with HTTP %u; check its headers",
                    name, status);
    else if (status >= 300 && status < 400)
        uplink_fail(u, JF_E_GONE, "server \"%s\" redirects the WebSocket (HTTP %u); write the final url",
                    name, status);
    else
        uplink_fail(u, JF_E_GONE,
                    "server \"%s\" answers the WebSocket upgrade with HTTP %u; is its url right?", name,
                    status);
}

/** What is wrong with the head of a 101 answer; NULL: nothing. */
static const char *flaw(const struct uplink *u) {
    const struct incoming *in = &u->in;
    jf_view accept, extensions;
    bool named = false;
    if (!head_lists(in, "upgrade", "websocket", NULL) || !head_lists(in, "connection", "upgrade", NULL))
        return "it upgrades to something else";
    if (head_field(in, "sec-websocket-accept", &accept) != 1 ||
        !view_equal(accept, view_make(u->accept, ACCEPT_LENGTH)))
        return "its Sec-WebSocket-Accept does not fit the request";
    if (head_field(in, "sec-websocket-extensions", &extensions) != 0) return "it wants extensions";
    if (!head_lists(in, "sec-websocket-protocol", "mcp", &named) && named)
        return "it wants another sub-protocol than mcp";
    return NULL;
}

bool greet_step(struct uplink *u) {
    struct incoming *in = &u->in;
    const char *name = u->remote.name;
    int head = incoming_parse(in);
    if (head == 0) return false;
    if (head < 0) {
        uplink_fail(u, JF_E_INVALID, "server \"%s\" answers the WebSocket upgrade with %s", name,
                    in->refused == 431 ? "too many headers" : "something that is not HTTP/1.1");
        return false;
    }
    if (in->parser.status_code != 101) {
        refused(u, in->parser.status_code);
        return false;
    }
    const char *wrong = flaw(u);
    if (wrong == NULL) return true;
    uplink_fail(u, JF_E_INVALID, "server \"%s\" answers the WebSocket upgrade wrongly: %s", name, wrong);
    return false;
}
