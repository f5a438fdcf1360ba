/* SPDX-License-Identifier: Apache-2.0
 * Mock host: answers whose segments a listener may retain, freed with the last reference to them. */
#include "mock_internal.h"

/** The owner of one reply's retainable segments. It outlives them, so that a late call is a problem and no
 * crash. */
typedef struct mock_owner {
    jf_mock *mock;
    uint32_t references; /**< the host's own while `reply` runs, and one per `retain` */
    bool lent;           /**< inside `reply` */
    uint32_t count;
    uint8_t **segments;
} mock_owner;

static void let_go(mock_owner *owner) {
    if (--owner->references > 0) return;
    for (uint32_t i = 0; i < owner->count; i++)
        free(owner->segments[i]);
    free(owner->segments);
    owner->segments = NULL;
    owner->count = 0;
}

static int32_t retain(void *context) {
    mock_owner *owner = context;
    mock_on_lane(owner->mock, "jf_message retain");
    if (!owner->lent) {
        mock_problem(owner->mock, "jf_message retain: after the call that brought the message");
        return JF_E_STALE;
    }
    if (owner->mock->refuse_retain) return JF_E_BUSY;
    owner->references++;
    owner->mock->retained++;
    owner->mock->retains++;
    return JF_OK;
}

static void release(void *context) {
    mock_owner *owner = context;
    mock_on_lane(owner->mock, "jf_message release");
    if (owner->references == (owner->lent ? 1 : 0)) {
        mock_problem(owner->mock, "jf_message release: more often than retained");
        return;
    }
    owner->mock->retained--;
    let_go(owner);
}

int32_t jf_mock_reply_retainable(jf_mock *mock, jf_ref client, jf_ref exchange, uint32_t flags,
                                 const jf_view *segments, uint32_t count, uint64_t retainable) {
    const jf_listener_1 *facet = jf_mock_listener(mock);
    if (facet == NULL || facet->reply == NULL) return JF_E_UNSUPPORTED;
    mock_owner *owner = mock_keep_bytes(mock, sizeof *owner), borrowed = {.references = 1};
    *owner = (mock_owner){.mock = mock, .references = 1, .lent = true};
    owner->segments = mock_allocate(count * sizeof *owner->segments);
    borrowed.segments = mock_allocate(count * sizeof *borrowed.segments);
    jf_view *views = mock_allocate(count * sizeof *views);
    for (uint32_t i = 0; i < count; i++) {
        /* Each on its own, so that AddressSanitizer sees what is read beyond it or too late. */
        uint8_t *copy = mock_allocate(segments[i].len);
        if (segments[i].len > 0) memcpy(copy, segments[i].ptr, segments[i].len);
        views[i] = (jf_view){copy, segments[i].len};
        mock_owner *of = i < 64 && (retainable >> i & 1) != 0 ? owner : &borrowed;
        of->segments[of->count++] = copy;
    }
    jf_message message = {.size = sizeof message,
                          .flags = flags,
                          .exchange = exchange,
                          .body = views,
                          .body_count = count,
                          .owner = owner,
                          .retain = retain,
                          .release = release,
                          .retainable = retainable};
    int32_t status = facet->reply(mock->self, client, &message);
    free(views);
    let_go(&borrowed);
    owner->lent = false;
    let_go(owner);
    return status;
}

void jf_mock_refuse_retain(jf_mock *mock, bool refuse) {
    mock->refuse_retain = refuse;
}
uint32_t jf_mock_retained(jf_mock *mock) {
    return mock->retained;
}
uint32_t jf_mock_retains(jf_mock *mock) {
    return mock->retains;
}

void mock_retain_check(jf_mock *mock) {
    if (mock->retained > 0)
        mock_problem(mock, "%u references to retained segments were not released", mock->retained);
    mock->retained = 0;
}
