/* SPDX-License-Identifier: Apache-2.0
 * Plugin policy-opa: decisions of Open Policy Agent over its REST API (POST /v1/data/PATH). */
#include "opa.h"

JF_MANIFEST("{\"id\":\"policy-opa\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"Decisions of Open Policy Agent, over its REST API.\","
            "\"facets\":[\"jf.policy/1\"],\"requires\":[\"jf.http/1\",\"jf.ops/1\"],\"optional\":[],"
            "\"provides\":[],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"policy\":{\"policy\":\"opa\",\"config\":{\"type\":\"object\",\"required\":[\"url\",\"path\"],"
            "\"properties\":{"
            "\"url\":{\"type\":\"string\",\"pattern\":\"^https?://[^/ ]+/?$\",\"maxLength\":1024,"
            "\"description\":\"Where Open Policy Agent listens\"},"
            "\"path\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_./%-]{1,512}$\","
            "\"description\":\"The document that decides: jackfield/decision\"},"
            "\"review_path\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_./%-]{1,512}$\","
            "\"description\":\"One that decides about many items at once, in input.items\"},"
            "\"authorization\":{\"type\":\"string\",\"maxLength\":4096,\"writeOnly\":true,"
            "\"description\":\"The header of that name, for instance Bearer TOKEN\"},"
            "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":4000,\"default\":1000,"
            "\"description\":\"How long it may take over an answer\"},"
            "\"max_open\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,\"default\":256,"
            "\"description\":\"Questions that may be open on each loop\"},"
            "\"max_input\":{\"type\":\"integer\",\"minimum\":1024,\"maximum\":4194304,\"default\":1048576,"
            "\"description\":\"Bytes of a question\"},"
            "\"cache_ttl_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":3600000,\"default\":0,"
            "\"description\":\"How long a decision holds for the very same input; 0: it is always asked\"},"
            "\"cache_entries\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000,\"default\":1024,"
            "\"description\":\"Decisions that each loop remembers\"}"
            "},\"additionalProperties\":false}}}");

typedef struct opa opa;

/** A question under way. */
typedef struct question {
    opa *owner;
    struct question *next, *previous;
    jf_ref op, request;
    uint64_t count; /**< items of a review; 0: one decision */
    uint64_t now_ms;
    pc_text input;
} question;

struct opa {
    pc_policy policy;
    jf_view url, review_url, authorization;
    uint64_t timeout_ns, max_input;
    uint32_t open, max_open;
    question *first;
    opa_memory memory;
    /** The decision that was recalled: what a ruling lends. */
    pc_text recalled;
};

static jf_view joined(pc_policy *policy, jf_view url, const char *path, const jf_json_value *options) {
    jf_json_value value;
    if (!pc_member(options, path, &value)) return (jf_view){0};
    jf_view tail = pc_keep_string(policy, &value);
    if (tail.ptr == NULL) return tail;
    while (tail.len > 0 && tail.ptr[0] == '/')
        tail = (jf_view){tail.ptr + 1, tail.len - 1};
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    pc_text text = {0};
    pc_put(&text, url.ptr, url.len);
    pc_puts(&text, "/v1/data/");
    pc_put(&text, tail.ptr, tail.len);
    jf_view kept = {0};
    if (!text.failed) kept = pc_keep_text(policy, (jf_view){(uint8_t *)text.bytes, text.length});
    free(text.bytes);
    return kept;
}

static int32_t open_opa(pc_policy *policy, const jf_json_value *options, jf_fault *why) {
    opa *it = (opa *)policy;
    jf_json_value value;
    if (!pc_member(options, "url", &value)) return pc_wrong(why, "there is no url");
    jf_view url = pc_keep_string(policy, &value);
    it->url = joined(policy, url, "path", options);
    if (url.ptr == NULL || it->url.ptr == NULL) return pc_wrong(why, "there is no path");
    it->review_url = joined(policy, url, "review_path", options);
    if (pc_member(options, "authorization", &value)) {
        it->authorization = pc_keep_string(policy, &value);
        for (uint64_t i = 0; i < it->authorization.len; i++)
            if (it->authorization.ptr[i] < ' ') return pc_wrong(why, "authorization cannot be a header");
    }
    it->timeout_ns = (uint64_t)pc_integer(options, "timeout_ms", 1000) * 1000000u;
    it->max_open = (uint32_t)pc_integer(options, "max_open", 256);
    it->max_input = (uint64_t)pc_integer(options, "max_input", 1 << 20);
    return opa_memory_begin(&it->memory, (uint32_t)pc_integer(options, "cache_entries", 1024),
                            (uint64_t)pc_integer(options, "cache_ttl_ms", 0))
               ? JF_OK
               : pc_no_memory(why);
}

static void forget(question *it) {
    opa *owner = it->owner;
    if (it->previous != NULL)
        it->previous->next = it->next;
    else
        owner->first = it->next;
    if (it->next != NULL) it->next->previous = it->previous;
    owner->open--;
    free(it->input.bytes);
    free(it);
}

/* Ends a question: the bytes of `answer` are given away. */
static void finish(question *it, int32_t status, pc_text *answer, const jf_fault *why) {
    const jf_ops_1 *ops = it->owner->policy.host->ops;
    jf_ref op = it->op;
    jf_blob blob = {0};
    if (answer != NULL && status == JF_OK)
        pc_give(&blob, answer->bytes, answer->length);
    else if (answer != NULL)
        free(answer->bytes);
    forget(it);
    ops->finish(ops->context, op, status, &blob, status == JF_OK ? NULL : why);
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    question *it = user;
    opa *owner = it->owner;
    (void)request;
    jf_fault why = {.size = sizeof why};
    pc_text text = {0};
    int32_t status = JF_OK;
    if (response->status < 0) {
        status =
            jf_fault_set(&why, response->status, 0, "Open Policy Agent cannot be reached at %.*s",
                         (int)(owner->url.len < 150 ? owner->url.len : 150), (const char *)owner->url.ptr);
    } else if (response->status != 200) {
        status = jf_fault_set(&why, JF_E_FAULT, 0, "Open Policy Agent answered status %d at %.*s",
                              (int)response->status, (int)(owner->url.len < 150 ? owner->url.len : 150),
                              (const char *)owner->url.ptr);
    } else if (it->count > 0) {
        uint8_t *bytes = malloc(it->count);
        text = (pc_text){.bytes = (char *)bytes, .length = it->count};
        status = bytes != NULL ? opa_read_many(response->body, it->count, bytes, &why) : pc_no_memory(&why);
    } else {
        status = opa_read(response->body, &text, &why);
        if (status == JF_OK)
            opa_remember(&owner->memory, (jf_view){(uint8_t *)it->input.bytes, it->input.length},
                         (jf_view){(uint8_t *)text.bytes, text.length}, it->now_ms);
    }
    finish(it, status, &text, &why);
}

/* Takes the input in every case. */
static int32_t ask(opa *it, jf_view url, jf_ref op, pc_text *input, uint64_t count, uint64_t now_ms,
                   jf_fault *why) {
    const jf_http_1 *http = it->policy.host->http;
    int32_t status = JF_OK;
    if (input->failed)
        status = pc_no_memory(why);
    else if (input->length > it->max_input)
        status = jf_fault_set(why, JF_E_INVALID, 0, "the question has more than %llu bytes (max_input)",
                              (unsigned long long)it->max_input);
    else if (it->open >= it->max_open)
        status = jf_fault_set(why, JF_E_BUSY, 0, "%u questions are open (max_open)", it->open);
    question *made = status == JF_OK ? calloc(1, sizeof *made) : NULL;
    if (made == NULL) {
        free(input->bytes);
        return status != JF_OK ? status : pc_no_memory(why);
    }
    *made = (question){.owner = it, .op = op, .count = count, .now_ms = now_ms, .input = *input};
    jf_pair headers[] = {{pc_view("content-type"), pc_view("application/json")},
                         {pc_view("authorization"), it->authorization}};
    jf_http_request request = {.size = sizeof request,
                               .timeout_ns = it->timeout_ns,
                               .method = pc_view("POST"),
                               .url = url,
                               .body = {(uint8_t *)input->bytes, input->length},
                               .headers = headers,
                               .header_count = it->authorization.len > 0 ? 2 : 1};
    made->next = it->first;
    if (it->first != NULL) it->first->previous = made;
    it->first = made;
    it->open++;
    status = http->request(http->context, &request, answered, made, &made->request, why);
    if (status == JF_OK) return JF_PENDING;
    forget(made);
    return status < 0 ? status : JF_E_FAULT;
}

static int32_t recall(opa *it, jf_view decision, jf_ruling *ruling) {
    jf_json_value root, value;
    it->recalled.length = 0;
    pc_put(&it->recalled, decision.ptr, decision.len);
    if (it->recalled.failed ||
        !jf_json_read((jf_view){(uint8_t *)it->recalled.bytes, it->recalled.length}, &root))
        return JF_E_FAULT;
    ruling->decision = pc_is(&root, "decision", "allow")  ? JF_ALLOW
                       : pc_is(&root, "decision", "hide") ? JF_HIDE
                                                          : JF_DENY;
    if (pc_flag(&root, "dry", 0)) ruling->flags |= JF_RULING_DRY;
    /* Texts without escapes only: others are asked for again. */
    if (pc_member(&root, "rule", &value) && !value.escaped) ruling->rule = (jf_view){value.ptr, value.len};
    if (pc_member(&root, "text", &value) && !value.escaped) ruling->text = (jf_view){value.ptr, value.len};
    return JF_OK;
}

/* A ruling can lend what is simple; the rest goes the way of an answer. */
static bool is_simple(jf_view decision) {
    return memchr(decision.ptr, '\\', decision.len) == NULL &&
           memchr(decision.ptr, '[', decision.len) == NULL;
}

static int32_t decide(pc_policy *policy, jf_ref op, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    opa *it = (opa *)policy;
    pc_text input = {0};
    opa_write(&input, access);
    if (!input.failed && it->memory.room > 0) {
        jf_view known =
            opa_recall(&it->memory, (jf_view){(uint8_t *)input.bytes, input.length}, access->now_ms);
        if (known.ptr != NULL && is_simple(known)) {
            free(input.bytes);
            return recall(it, known, ruling);
        }
    }
    return ask(it, it->url, op, &input, 0, access->now_ms, why);
}

static int32_t review(pc_policy *policy, jf_ref op, const jf_access *const *accesses, uint64_t count,
                      jf_blob *decisions, jf_fault *why) {
    opa *it = (opa *)policy;
    (void)decisions;
    if (it->review_url.ptr == NULL || count == 0) return JF_E_UNSUPPORTED;
    pc_text input = {0};
    opa_write_many(&input, accesses, count);
    return ask(it, it->review_url, op, &input, count, accesses[0]->now_ms, why);
}

/* What Rego looks at is not known. */
static int32_t classify(pc_policy *policy, const jf_principal *principal, jf_blob *name, jf_fault *why) {
    (void)policy;
    (void)principal;
    (void)name;
    (void)why;
    return JF_E_UNSUPPORTED;
}

static void stop(pc_policy *policy) {
    opa *it = (opa *)policy;
    const jf_http_1 *http = policy->host->http;
    jf_fault why = {.size = sizeof why};
    jf_fault_set(&why, JF_E_GONE, 0, "the gateway stops");
    while (it->first != NULL) {
        http->abandon(http->context, it->first->request);
        finish(it->first, JF_E_GONE, NULL, &why);
    }
}

static void close_opa(pc_policy *policy) {
    opa *it = (opa *)policy;
    opa_memory_end(&it->memory);
    free(it->recalled.bytes);
}

const pc_kind pc_this = {.plugin = "policy-opa",
                         .name = "opa",
                         .record = sizeof(opa),
                         .asks = true,
                         .open = open_opa,
                         .close = close_opa,
                         .decide = decide,
                         .review = review,
                         .classify = classify,
                         .stop = stop};
