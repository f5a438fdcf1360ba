/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facet jf.filter/1. */
#include "check.h"

enum { PASSAGE_VARIANTS = 36 };

static const char *options(const check_setup *setup) {
    return setup->filter;
}

/* Bodies as servers and clients make them; the host hands on JSON objects only. `*arguments`: their place. */
static char *body_of(uint32_t variant, bool is_result, uint64_t *from, uint64_t *length) {
    char *text = NULL;
    *from = *length = 0;
    if (variant % 6 == 5) { /* a large one */
        const size_t size = 300000;
        text = mock_allocate(size + 64);
        int head = sprintf(text, "{\"name\":\"x\",\"arguments\":{\"text\":\"");
        memset(text + head, 'z', size);
        strcpy(text + head + size, "\"}}");
        *from = 22;
        *length = strlen(text) - 23;
        return text;
    }
    static const char *const requests[] = {
        "{\"name\":\"status\",\"arguments\":{\"path\":\"/etc/passwd\",\"n\":1e400}}",
        "{\"name\":\"\",\"arguments\":{}}", "{}",
        "{\"name\":\"a\",\"name\":\"b\",\"arguments\":{\"k\":\"\\ud83d\\ude00\\u0000\"},\"_meta\":{}}",
        "{ \"arguments\" : {\"a\":[[[[[[[[[[[[{}]]]]]]]]]]]]} }"};
    static const char *const results[] = {
        "{\"content\":[{\"type\":\"text\",\"text\":\"alice@example.com 4111 1111 1111 1111\"}]}",
        "{\"content\":[]}", "{}",
        "{\"content\":[{\"type\":\"image\",\"data\":\"AAAA\",\"mimeType\":\"x\"}],\"isError\":true}",
        "{\"structuredContent\":{\"a\":[1,2,{\"b\":null}]},\"content\":[{\"type\":\"text\",\"text\":\"\"}]}"};
    text = strdup(is_result ? results[variant % 6] : requests[variant % 6]);
    if (text == NULL) abort();
    const char *at = is_result ? NULL : strstr(text, "\"arguments\"");
    if (at != NULL) {
        const char *start = strchr(at, '{'), *end = start;
        int depth = 0;
        do
            depth += *end == '{' ? 1 : *end == '}' ? -1 : 0;
        while (depth > 0 && *++end != 0);
        *from = (uint64_t)(start - text);
        *length = (uint64_t)(end + 1 - start);
    }
    return text;
}

/* What a pending passage may still read: kept until the operation is over. */
typedef struct lasting {
    jf_passage passage;
    jf_principal who;
} lasting;

static check_op *pass(check_host *h, jf_ref handle, uint32_t variant, bool is_result, uint64_t memory,
                      uint64_t call) {
    static const char *const methods[] = {"tools/call", "resources/read", "prompts/get",
                                          "completion/complete"};
    check *c = h->c;
    const jf_filter_1 *filter = jf_mock_facet(h->mock, JF_FILTER_1);
    bool has_request = JF_HAS(filter, request), has_result = JF_HAS(filter, result);
    if (is_result ? !has_result : !has_request) {
        check_skip(c, "it sees no %s", is_result ? "results" : "requests");
        return NULL;
    }
    uint64_t from, length;
    char *body = body_of(variant, is_result, &from, &length);
    /* Of memory that lasts as long as the mock: the slot may answer JF_PENDING and go on reading. */
    lasting *it = mock_keep_bytes(h->mock, sizeof *it);
    jf_view text = {mock_keep_bytes(h->mock, strlen(body) + 1), strlen(body)};
    memcpy((void *)(uintptr_t)text.ptr, body, text.len);
    free(body);
    it->who = (jf_principal){.size = sizeof it->who, .attributes = jf_mock_view("{}")};
    if (variant % 3 != 0) {
        it->who.id = 7;
        it->who.key = jf_mock_view("check\nalice");
        it->who.subject = jf_mock_view("alice");
        it->who.tenant = jf_mock_view("acme");
    }
    it->passage = (jf_passage){.size = sizeof it->passage,
                               .flags = is_result && variant % 4 == 3 ? JF_PASSAGE_ERROR : 0,
                               .principal = &it->who,
                               .call = call,
                               .memory = memory,
                               .deadline_ns = jf_mock_now(h->mock) + 60000000000u,
                               .now_ms = 1700000000000u,
                               .kind = variant % 2 == 0 ? 0 : JF_RESOURCES,
                               .method = jf_mock_view(methods[variant % 4]),
                               .server = jf_mock_view("git"),
                               .name = jf_mock_view(variant % 5 == 4   ? "\xff\x80"
                                                    : variant % 5 == 3 ? ""
                                                                       : "status"),
                               .shown = jf_mock_view("git_status"),
                               .body = text};
    if (is_result && variant % 2 == 1) it->passage.flags |= JF_PASSAGE_LINKS;
    if (length > 0) it->passage.arguments = (jf_view){text.ptr + from, length};
    if (variant % 3 == 1) it->passage.target = jf_mock_view("/mcp");
    if (variant % 3 == 2) it->passage.address = jf_mock_view("127.0.0.1:1");
    if (variant % 2 == 0) it->passage.definition = jf_mock_view("{\"name\":\"status\",\"inputSchema\":{}}");
    check_op *op = check_begin(h, JF_HAS(filter, cancel) ? filter->cancel : NULL);
    jf_blob verdict = {0};
    jf_fault why = {.size = sizeof why};
    const char *slot = is_result ? "result" : "request";
    check_enter(h, slot);
    int32_t status = is_result
                         ? filter->result(h->mock->self, op->ref, handle, &it->passage, &verdict, &why)
                         : filter->request(h->mock->self, op->ref, handle, &it->passage, &verdict, &why);
    check_leave(h);
    check_answered(h, op, slot, false, status, &verdict, &why);
    return op;
}

/* What is to be kept; *at: behind its preview. False: nothing can follow. */
static bool judge_spill(check *c, const check_op *op, bool is_result, uint64_t *at) {
    jf_spill spill;
    if (!is_result) check_fail(c, "Decide JF_SPILL of results only.", "a verdict keeps a request");
    if (op->length - *at < sizeof spill) {
        check_fail(c, "Write a jf_spill behind the head.", "a verdict ends within its jf_spill");
        return false;
    }
    memcpy(&spill, op->result + *at, sizeof spill);
    *at += sizeof spill;
    if (spill.ttl_ms == 0 || spill.ttl_ms > JF_STORE_TTL_MOST)
        check_fail(c, "Keep results for 1 to JF_STORE_TTL_MOST milliseconds.", "a result is kept for %llu ms",
                   (unsigned long long)spill.ttl_ms);
    uint64_t padded = spill.len / 8 * 8 + (spill.len % 8 != 0 ? 8 : 0);
    if (spill.len > op->length - *at || padded > op->length - *at) {
        check_fail(c, "Fill up to a multiple of 8 with zeros.", "a preview is longer than its verdict");
        return false;
    }
    const char *text = op->result + *at;
    if (spill.len == 0 || *text != '{' || !mock_json_valid((jf_view){(const uint8_t *)text, spill.len}))
        check_fail(c, "Give a result object to put the link in.", "a preview is no JSON object: %.100s",
                   text);
    *at += padded;
    return true;
}

/* One verdict, against the body that it is about; *memory: what it leaves. */
static void judge(check_host *h, const check_op *op, uint32_t variant, bool is_result, uint64_t *memory) {
    check *c = h->c;
    jf_verdict head;
    *memory = 0;
    if (op->status != JF_OK || op->length == 0) return;
    if (op->length < sizeof head) {
        check_fail(c, "Answer a jf_verdict and what it announces, or nothing.", "a verdict has %llu bytes",
                   (unsigned long long)op->length);
        return;
    }
    memcpy(&head, op->result, sizeof head);
    *memory = is_result ? 0 : head.memory;
    uint64_t from, length, at = sizeof head, last = 0;
    char *body = body_of(variant, is_result, &from, &length);
    const uint64_t size = strlen(body);
    free(body);
    if (head.decision > JF_SPILL) {
        check_fail(c, "Decide JF_PASS, JF_SPLICE, JF_ANSWER or JF_SPILL.", "a verdict decides %u",
                   head.decision);
    } else if (head.decision == JF_ANSWER) {
        const char *text = op->result + sizeof head;
        if (op->length == sizeof head || *text != '{' ||
            !mock_json_valid((jf_view){(const uint8_t *)text, op->length - sizeof head}))
            check_fail(c, "Answer one JSON object behind the head.", "an answer is no JSON object: %.100s",
                       text);
    } else if (head.decision == JF_PASS) {
        if (op->length != sizeof head)
            check_fail(c, "Nothing follows JF_PASS.", "%llu bytes follow a verdict that lets it pass",
                       (unsigned long long)(op->length - sizeof head));
    }
    if (head.decision == JF_SPILL && !judge_spill(c, op, is_result, &at)) return;
    const bool has_splices = head.decision == JF_SPLICE || head.decision == JF_SPILL;
    for (uint32_t i = 0; has_splices && i < head.count && !check_failed(c); i++) {
        jf_splice splice;
        if (op->length - at < sizeof splice) {
            check_fail(c, "Write as many splices as `count` says.", "splice %u of %u is not there", i,
                       head.count);
            return;
        }
        memcpy(&splice, op->result + at, sizeof splice);
        at += sizeof splice;
        if (splice.start < last || splice.end < splice.start || splice.end > size)
            check_fail(c, "Splices lie in the body, in ascending order, none over another.",
                       "splice %u takes the place of %llu to %llu of %llu bytes, behind %llu", i,
                       (unsigned long long)splice.start, (unsigned long long)splice.end,
                       (unsigned long long)size, (unsigned long long)last);
        uint64_t padded = splice.len / 8 * 8 + (splice.len % 8 != 0 ? 8 : 0);
        if (splice.len > op->length - at || padded > op->length - at) {
            check_fail(c, "Fill up to a multiple of 8 with zeros.", "splice %u is longer than the verdict",
                       i);
            return;
        }
        at += padded;
        last = splice.end;
    }
}

static check_op *request(check_host *h, jf_ref handle, uint32_t variant) {
    return pass(h, handle, variant, false, 0, variant + 1);
}

static check_op *result(check_host *h, jf_ref handle, uint32_t variant) {
    return pass(h, handle, variant, true, 0, variant + 1);
}

static void end(check_host *h, jf_ref handle, uint64_t memory, uint64_t call, int32_t status) {
    const jf_filter_1 *filter = jf_mock_facet(h->mock, JF_FILTER_1);
    if (memory == 0) return;
    if (!JF_HAS(filter, ended)) {
        check_fail(h->c, "Fill in `ended`, or leave no memory.",
                   "a request leaves a memory, but its table has no `ended`");
        return;
    }
    jf_passed passed = {.size = sizeof passed,
                        .status = status,
                        .call = call,
                        .memory = memory,
                        .latency_ns = 1000000,
                        .bytes = status == JF_OK ? 100 : 0};
    jf_view place = check_lend(h->c, "how it ended", &passed, sizeof passed);
    check_enter(h, "ended");
    filter->ended(h->mock->self, handle, (const jf_passed *)(const void *)place.ptr);
    check_leave(h);
    check_return(h->c);
}

static jf_ref judged_handle; /* `ended` is owed to it; one case a process */

static void judge_request(check_host *h, const check_op *op, uint32_t variant) {
    uint64_t memory;
    judge(h, op, variant, false, &memory);
    end(h, judged_handle, memory, variant + 1, JF_E_GONE);
}

static void judge_result(check_host *h, const check_op *op, uint32_t variant) {
    uint64_t memory;
    judge(h, op, variant, true, &memory);
}

static check_op *request_noted(check_host *h, jf_ref handle, uint32_t variant) {
    judged_handle = handle;
    return request(h, handle, variant);
}

const check_driver check_request_driver = {JF_FILTER_1,      "filter",      options,
                                           PASSAGE_VARIANTS, request_noted, judge_request};
const check_driver check_result_driver = {JF_FILTER_1,      "filter", options,
                                          PASSAGE_VARIANTS, result,   judge_result};

static void requests(check *c) {
    check_drive(c, &check_request_driver);
}
static void results(check *c) {
    check_drive(c, &check_result_driver);
}

/* Callers leave; whatever a request left all the same is ended. */
static void cancel(check *c) {
    jf_ref handle = 0;
    check_host *h = check_up(c);
    if (h == NULL) return;
    if (check_attach_to(h, &check_request_driver, &handle)) {
        check_op *ops[24] = {NULL};
        uint32_t count = 0, pending = 0;
        while (count < 24 && (ops[count] = request(h, handle, count)) != NULL)
            count++;
        for (uint32_t i = 0; i < count; i++) {
            if (ops[i]->open) pending++;
            check_cancel(h, ops[i], JF_E_GONE);
        }
        for (uint32_t i = 0; i < count && !check_failed(c); i++) {
            uint64_t memory = 0;
            if (check_ended(h, ops[i])) judge(h, ops[i], i, false, &memory);
            end(h, handle, memory, i + 1, JF_E_GONE);
        }
        if (pending == 0 && count > 0) check_skip(c, "it answers everything at once");
        check_detach_from(h, &check_request_driver, handle);
    }
    check_host_free(h);
}

static void handles(check *c) {
    const jf_filter_1 *filter;
    check_host *h = check_up(c);
    if (h == NULL) return;
    filter = jf_mock_facet(h->mock, JF_FILTER_1);
    bool sees_requests = JF_HAS(filter, request);
    check_host_free(h);
    check_drive_handles(c, sees_requests ? &check_request_driver : &check_result_driver);
}

/* Whole calls, many of them open at once: what the request leaves is handed to the result and to the end. */
static void calls(check *c) {
    jf_ref handle = 0;
    check_host *h = check_up(c);
    if (h == NULL) return;
    const jf_filter_1 *filter = jf_mock_facet(h->mock, JF_FILTER_1);
    bool sees_results = JF_HAS(filter, result);
    if (!JF_HAS(filter, request)) {
        check_skip(c, "it sees no requests, hence nothing is left");
    } else if (check_attach_to(h, &check_request_driver, &handle)) {
        uint64_t memories[PASSAGE_VARIANTS] = {0}, ignored;
        uint32_t left = 0;
        for (uint32_t i = 0; i < PASSAGE_VARIANTS && !check_failed(c); i++) {
            check_op *op = request(h, handle, i);
            if (check_ended(h, op)) judge(h, op, i, false, &memories[i]);
            if (memories[i] != 0) left++;
        }
        for (uint32_t i = 0; i < PASSAGE_VARIANTS && !check_failed(c); i++) {
            if (sees_results && i % 4 != 3) {
                check_op *op = pass(h, handle, i, true, memories[i], i + 1);
                if (check_ended(h, op)) judge(h, op, i, true, &ignored);
            }
            end(h, handle, memories[i], i + 1, i % 4 == 3 ? JF_E_DENIED : JF_OK);
        }
        if (left == 0) check_skip(c, "its requests leave nothing");
        check_detach_from(h, &check_request_driver, handle);
    }
    check_host_free(h);
}

static void stop(check *c) {
    jf_ref handle = 0;
    check_host *h = check_up(c);
    if (h == NULL) return;
    if (check_attach_to(h, &check_request_driver, &handle)) {
        const jf_filter_1 *filter = jf_mock_facet(h->mock, JF_FILTER_1);
        for (uint32_t i = 0; i < 16 && !check_failed(c); i++) {
            if (JF_HAS(filter, request)) request(h, handle, i);
            if (JF_HAS(filter, result)) result(h, handle, i);
        }
    }
    check_host_free(h);
}

CHECK_GROUP(filter,
            {"filter.requests", "each request has one verdict, which fits it", JF_FILTER_1, requests, false},
            {"filter.results", "each result has one verdict, which fits it", JF_FILTER_1, results, false},
            {"filter.ended", "what a request left comes back with its result and its end", JF_FILTER_1, calls,
             false},
            {"filter.cancel", "a passage that nobody waits for is finished", JF_FILTER_1, cancel, false},
            {"filter.handles", "many are attached at once, and stay apart", JF_FILTER_1, handles, false},
            {"filter.stop", "what is open at the end is finished", JF_FILTER_1, stop, false}, );
