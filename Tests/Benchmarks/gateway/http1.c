/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 framing: message heads and chunked bodies. */
#define _GNU_SOURCE
#include "http1.h"

#include <strings.h>

enum { HEAD_LIMIT = 65536 };

static void take_header(http_head *head, span name, span value) {
#define IS(text) (name.len == sizeof(text) - 1 && strncasecmp(name.ptr, text, name.len) == 0)
    switch (name.len) {
    case 6:
        if (IS("expect")) head->expects = true;
        break;
    case 8:
        if (IS("mcp-name")) head->name = value;
        break;
    case 10:
        if (IS("mcp-method")) head->method = value;
        if (IS("connection")) head->keep = !(value.len == 5 && strncasecmp(value.ptr, "close", 5) == 0);
        break;
    case 12:
        if (IS("content-type")) {
            head->event_stream = value.len >= 17 && strncasecmp(value.ptr, "text/event-stream", 17) == 0;
        }
        break;
    case 14:
        if (IS("content-length")) head->length = strtol(value.ptr, NULL, 10);
        if (IS("mcp-session-id")) head->session = value;
        break;
    case 17:
        if (IS("transfer-encoding")) head->chunked = true;
        break;
    case 20:
        if (IS("mcp-protocol-version")) head->version = value;
        break;
    default:
        break;
    }
#undef IS
}

static bool take_first_line(http_head *head, const char *line, const char *end) {
    if (end - line > 12 && memcmp(line, "HTTP/1.", 7) == 0) {
        head->status = atoi(line + 9);
        head->keep = line[7] == '1';
        return true;
    }
    const char *space = memchr(line, ' ', (size_t)(end - line));
    if (!space) return false;
    const char *second = memchr(space + 1, ' ', (size_t)(end - space - 1));
    if (!second) return false;
    head->verb = (span){line, (size_t)(space - line)};
    head->target = (span){space + 1, (size_t)(second - space) - 1};
    head->keep = end - second >= 9 && second[8] == '1';
    return true;
}

int http_head_parse(const char *data, size_t len, size_t *scanned, http_head *head) {
    size_t from = *scanned > 3 ? *scanned - 3 : 0;
    const char *blank = len > from ? memmem(data + from, len - from, "\r\n\r\n", 4) : NULL;
    if (!blank) {
        *scanned = len;
        return len > HEAD_LIMIT ? -1 : 0;
    }
    *head = (http_head){.size = (size_t)(blank - data) + 4, .length = -1};
    const char *line_end = memchr(data, '\n', head->size);
    if (!line_end || !take_first_line(head, data, line_end)) return -1;
    for (const char *line = line_end + 1; line < blank; line = line_end + 1) {
        line_end = memchr(line, '\n', (size_t)(blank + 2 - line));
        if (!line_end) break;
        const char *colon = memchr(line, ':', (size_t)(line_end - line));
        if (!colon) return -1;
        const char *value = colon + 1, *end = line_end;
        while (value < end && (*value == ' ' || *value == '\t'))
            value++;
        while (end > value && (end[-1] == '\r' || end[-1] == ' '))
            end--;
        take_header(head, (span){line, (size_t)(colon - line)}, (span){value, (size_t)(end - value)});
    }
    return 1;
}

int http_chunks_join(const char *data, size_t len, size_t at, bytes *joined, size_t *end) {
    // The first pass copies nothing: a large body arrives in many pieces and is looked at after each.
    for (int pass = 0; pass < 2; pass++) {
        size_t here = at;
        joined->len = 0;
        for (;;) {
            const char *line_end = here < len ? memchr(data + here, '\n', len - here) : NULL;
            if (!line_end) return 0;
            size_t size = strtoul(data + here, NULL, 16);
            here = (size_t)(line_end - data) + 1;
            if (len < here + size + 2) return 0;
            if (pass == 1) bytes_add(joined, data + here, size);
            here += size + 2;
            if (!size) break;
        }
        *end = here;
    }
    return 1;
}
