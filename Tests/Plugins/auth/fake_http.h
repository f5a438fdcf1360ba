/* SPDX-License-Identifier: Apache-2.0
 * A jf.http/1 of the test's own: requests wait until the test answers them. */
#ifndef JF_FAKE_HTTP_H
#define JF_FAKE_HTTP_H

#include "auth_check.h"

#define REQUESTS 512

static struct fake_request {
    bool open;
    char url[600], method[8], body[4096], headers[2048];
    jf_http_done_fn done;
    void *user;
} requests[REQUESTS];
static uint32_t request_count, abandoned;
static bool http_refuses;

static void copy(char *to, size_t room, jf_view from) {
    snprintf(to, room, "%.*s", (int)from.len, from.len != 0 ? (const char *)from.ptr : "");
}

static int32_t http_request(void *context, const jf_http_request *r, jf_http_done_fn done, void *user,
                            jf_ref *out, jf_fault *why) {
    (void)context;
    if (http_refuses || request_count == REQUESTS) {
        snprintf(why->text, sizeof why->text, "refused");
        why->text_len = 7;
        return why->code = JF_E_BUSY;
    }
    struct fake_request *it = &requests[request_count++];
    memset(it, 0, sizeof *it);
    it->open = true;
    it->done = done;
    it->user = user;
    copy(it->url, sizeof it->url, r->url);
    copy(it->method, sizeof it->method, r->method);
    copy(it->body, sizeof it->body, r->body);
    for (uint64_t i = 0; i < r->header_count; i++) {
        size_t at = strlen(it->headers);
        snprintf(it->headers + at, sizeof it->headers - at, "%.*s: %.*s\n", (int)r->headers[i].name.len,
                 (const char *)r->headers[i].name.ptr, (int)r->headers[i].value.len,
                 (const char *)r->headers[i].value.ptr);
    }
    *out = request_count;
    return JF_OK;
}

static void http_abandon(void *context, jf_ref ref) {
    (void)context;
    if (ref == 0 || ref > request_count || !requests[ref - 1].open) return;
    requests[ref - 1].open = false;
    abandoned++;
}

static const jf_http_1 http = {.size = sizeof http, .request = http_request, .abandon = http_abandon};

static void begin_http(void) {
    begin();
    request_count = abandoned = 0;
    http_refuses = false;
    jf_mock_offer(mock, JF_HTTP_1, &http);
    up();
}

/** The requests that wait. */
static uint32_t http_open(void) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < request_count; i++)
        count += requests[i].open;
    return count;
}

/** The last request. */
static const struct fake_request *http_last(void) {
    static const struct fake_request none;
    return request_count > 0 ? &requests[request_count - 1] : &none;
}

/** Answers the oldest request that waits; its URL must be this one. `cache` may be NULL. */
static void http_answer(const char *url, int32_t status, const char *body, const char *cache) {
    for (uint32_t i = 0; i < request_count; i++) {
        if (!requests[i].open) continue;
        CHECK(strcmp(requests[i].url, url) == 0, "the request goes to %s and not to %s", requests[i].url,
              url);
        requests[i].open = false;
        jf_pair header = {jf_mock_view("cache-control"), jf_mock_view(cache)};
        jf_http_response response = {.size = sizeof response,
                                     .status = status,
                                     .body = jf_mock_view(body),
                                     .headers = &header,
                                     .header_count = cache != NULL ? 1 : 0};
        requests[i].done(requests[i].user, i + 1, &response);
        return;
    }
    CHECK(false, "no request for %s", url);
}

#endif
