/* SPDX-License-Identifier: Apache-2.0
 * Cases: borrowed views, owned blobs, memory that grows. */
#include "check.h"

static void views(check *c) {
    c->guarded = true;
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 3);
    check_host_free(h);
}

/* ---- Results ---- */

static void *drop_there(void *user) {
    jf_blob *blob = user;
    check_step("the drop of a result, on another thread");
    if (blob->drop != NULL) blob->drop(blob->owner);
    *blob = (jf_blob){0};
    return NULL;
}

static void results(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    h->keeps_results = true;
    check_exercise(h, 4);
    for (uint32_t i = 0; i < h->operations.count && !check_failed(c); i++) {
        check_op *op = h->operations.items[i];
        if (op->kept.ptr != NULL && memcmp(op->kept.ptr, op->result, op->length) != 0)
            check_fail(c, "Give each result bytes of its own until its `drop`.",
                       "the bytes of a result changed before it was dropped");
    }
    for (uint32_t i = 0; i < h->operations.count && !check_failed(c); i++) {
        check_op *op = h->operations.items[i];
        pthread_t thread;
        if (op->kept.drop == NULL || pthread_create(&thread, NULL, drop_there, &op->kept) != 0) continue;
        pthread_join(thread, NULL);
    }
    check_host_free(h);
}

/* What the mock keeps for tests. */
static void forget_records(check_host *h) {
    for (uint32_t i = 0; i < h->mock->records.count; i++) {
        free(((mock_record *)h->mock->records.items[i])->text);
        free(h->mock->records.items[i]);
    }
    h->mock->records.count = 0;
    for (uint32_t i = 0; i < h->blobs.count; i++)
        free(h->blobs.items[i]);
    h->blobs.count = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < h->mock->objects.count; i++) {
        mock_object *object = h->mock->objects.items[i];
        if (object->kind == MOCK_SET)
            free(object);
        else
            h->mock->objects.items[kept++] = object;
    }
    h->mock->objects.count = kept;
    check_forget_operations(h);
    check_forget();
}

static void growth(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    uint32_t rounds = 0;
    uint64_t least = UINT64_MAX, before = 0, start = check_clock();
    for (; rounds < 100 && check_clock() - start < 800000000u && c->result->outcome < CHECK_SKIP;
         rounds += 10)
        check_exercise(h, 10);
    /* The least of three, after a first one: caches fill up, leaks do not stop. */
    for (int i = 0; i < 4 && c->result->outcome < CHECK_SKIP; i++) {
        for (uint32_t done = 0; done < rounds; done += 10)
            check_exercise(h, 10);
        forget_records(h);
        uint64_t now = check_heap(), more = now > before ? now - before : 0;
        if (i > 0 && more < least) least = more;
        before = now;
    }
    if (least != UINT64_MAX && least >= (uint64_t)rounds * 16 + 2048)
        check_warn(c,
                   "Drop what is given, give results a `drop`, free what is kept, and bound what is learnt.",
                   "each %u rounds of ordinary calls make it grow by %llu bytes more", rounds,
                   (unsigned long long)least);
    check_host_free(h);
}

static void blobs(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 3);
    check_destroy(h);
    check_collect(h); /* blobs that were not dropped, bytes not released, buffers not given back */
    check_host_free(h);
}

CHECK_GROUP(memory,
            {"memory.views", "borrowed views are neither kept, nor written, nor read beyond their end", NULL,
             views, false},
            {"memory.results", "results keep their bytes until they are dropped, on any thread", JF_TOOLSET_1,
             results, false},
            {"memory.blobs", "what the host gave is dropped, released and given back once", NULL, blobs,
             false},
            {"memory.growth", "ordinary calls do not make it grow", NULL, growth, false}, );
