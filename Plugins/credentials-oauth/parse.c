/* SPDX-License-Identifier: Apache-2.0
 * Challenges, URLs that were learned, and where metadata are. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "parse.h"
#include "uri.h"

/* ---- Challenges ---- */

static bool is_token_byte(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && memchr("!#$%&'*+-.^_`|~/", c, 16) != NULL);
}

/** Reads a token or a quoted string. False: a quote that does not end. */
static bool take_value(const uint8_t **at, const uint8_t *end, char *out, size_t room, size_t *length) {
    const uint8_t *p = *at;
    bool quoted = p < end && *p == '"';
    *length = 0;
    if (quoted) p++;
    while (p < end && (quoted ? *p != '"' : is_token_byte(*p) || *p == '=' || *p == ':')) {
        if (quoted && *p == '\\' && ++p == end) return false;
        if (*length < room) out[*length] = (char)*p;
        ++*length;
        p++;
    }
    if (quoted && p++ == end) return false;
    *at = p;
    return true;
}

jf_view challenge_parameter(jf_view text, const char *name, char *out, size_t room) {
    const uint8_t *at = text.ptr, *end = at + text.len;
    bool bearer = false;
    while (at < end) {
        if (!is_token_byte(*at)) {
            at++;
            continue;
        }
        const uint8_t *word = at;
        while (at < end && is_token_byte(*at))
            at++;
        jf_view token = {word, (uint64_t)(at - word)};
        const uint8_t *after = at;
        while (after < end && (*after == ' ' || *after == '\t'))
            after++;
        if (after == end || *after != '=') {
            bearer = view_is_nocase(token, "bearer");
            continue;
        }
        at = after + 1;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        size_t length;
        if (!take_value(&at, end, out, room, &length)) break;
        if (bearer && same_nocase(token.ptr, token.len, name, strlen(name)))
            return length <= room ? (jf_view){(const uint8_t *)out, length} : (jf_view){0};
    }
    return (jf_view){0};
}

/* ---- URLs ---- */

bool same_origin(jf_view a, jf_view b) {
    struct url x, y;
    return url_parse(a, &x) && url_parse(b, &y) && x.secure == y.secure && x.port == y.port &&
           view_equal_nocase(x.host, y.host);
}

static bool ends_with(jf_view host, const char *end) {
    size_t length = strlen(end);
    return host.len >= length && same_nocase(host.ptr + host.len - length, length, end, length);
}

/** Names that are looked up within the network, or that a resolver takes for an address: 127.1, 0x7f000001.
 */
static bool is_inner_name(jf_view host) {
    if (host.len != 0 && host.ptr[host.len - 1] == '.') host.len--;
    if (ends_with(host, ".local") || ends_with(host, ".localhost") || ends_with(host, ".internal") ||
        ends_with(host, ".home.arpa"))
        return true;
    uint64_t start = host.len;
    while (start > 0 && host.ptr[start - 1] != '.')
        start--;
    // No dot; or a last label that begins as a number does.
    return start == 0 || start == host.len || (host.ptr[start] >= '0' && host.ptr[start] <= '9');
}

const char *learned_wrong(jf_view url, jf_view near, bool private) {
    struct url parts, own;
    struct endpoint address;
    if (url.len > URL_MOST || !url_parse(url, &parts)) return "is no http or https URL";
    if (memchr(url.ptr, '#', url.len) != NULL) return "has a fragment";
    for (uint64_t i = 0; i < parts.host.len; i++)
        if (memchr("%\\\"<>^`{|}", parts.host.ptr[i], 10) != NULL) return "has a strange host";
    if (near.len != 0 && same_origin(url, near)) return NULL;
    bool here = host_is_loopback(parts.host);
    if (here) {
        bool neighbour = near.len != 0 && url_parse(near, &own) && host_is_loopback(own.host);
        return neighbour || private ? NULL : "is on this machine";
    }
    if (!parts.secure) return "is not https";
    if (private) return NULL;
    if (endpoint_literal(parts.host, parts.port, &address))
        return endpoint_is_special(&address) ? "is in a private network" : NULL;
    return is_inner_name(parts.host) ? "has a name of a private network" : NULL;
}

static jf_view without_query(jf_view path) {
    jf_view rest;
    return view_until(path, '?', &rest);
}

bool resource_covers(jf_view resource, jf_view endpoint) {
    struct url above, below;
    if (!same_origin(resource, endpoint) || !url_parse(resource, &above) || !url_parse(endpoint, &below))
        return false;
    if (memchr(resource.ptr, '#', resource.len) != NULL) return false;
    if (view_equal(above.path, below.path)) return true;
    if (above.path.len != without_query(above.path).len) return false;
    jf_view path = without_query(below.path);
    while (above.path.len != 0 && above.path.ptr[above.path.len - 1] == '/')
        above.path.len--;
    if (above.path.len > path.len) return false;
    if (above.path.len != 0 && memcmp(above.path.ptr, path.ptr, above.path.len) != 0) return false;
    return path.len == above.path.len || path.ptr[above.path.len] == '/';
}

static void put_origin(struct au_text *out, const struct url *parts) {
    if (parts->secure)
        au_puts(out, "https://");
    else
        au_puts(out, "http://");
    au_put(out, parts->authority);
}

static jf_view path_of(const struct url *parts) {
    jf_view path = without_query(parts->path);
    while (path.len != 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

bool resource_location(jf_view endpoint, uint32_t step, struct au_text *out) {
    struct url parts;
    if (!url_parse(endpoint, &parts)) return false;
    jf_view path = path_of(&parts);
    if (step > 1 || (step == 1 && path.len == 0)) return false;
    put_origin(out, &parts);
    au_puts(out, "/.well-known/oauth-protected-resource");
    if (step == 0) au_put(out, path);
    return !out->failed;
}

bool issuer_location(jf_view issuer, uint32_t step, struct au_text *out) {
    struct url parts;
    if (!url_parse(issuer, &parts)) return false;
    jf_view path = path_of(&parts);
    if (step > 2 || (step == 2 && path.len == 0)) return false;
    put_origin(out, &parts);
    if (step == 2) au_put(out, path);
    if (step == 0)
        au_puts(out, "/.well-known/oauth-authorization-server");
    else
        au_puts(out, "/.well-known/openid-configuration");
    if (step != 2) au_put(out, path);
    return !out->failed;
}

/* ---- Words ---- */

static int hex(uint8_t c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int32_t query_value(jf_view query, const char *name, char *out, size_t room, jf_view *value) {
    bool found = false;
    jf_view rest = query;
    *value = (jf_view){0};
    while (rest.len != 0) {
        jf_view after = {0}, text = {0};
        jf_view key = view_until(view_until(rest, '&', &after), '=', &text);
        rest = after;
        if (!view_equal(key, view_make(name, strlen(name)))) continue;
        if (found) return JF_E_INVALID;
        found = true;
        size_t length = 0;
        for (uint64_t i = 0; i < text.len; i++) {
            uint8_t c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
            if (c == '%') {
                bool whole = text.len - i > 2;
                int high = whole ? hex(text.ptr[i + 1]) : -1, low = whole ? hex(text.ptr[i + 2]) : -1;
                if (high < 0 || low < 0) return JF_E_INVALID;
                c = (uint8_t)(high << 4 | low);
                i += 2;
            }
            if (length == room) return JF_E_INVALID;
            out[length++] = (char)c;
        }
        *value = view_make(out, length);
    }
    return found ? JF_OK : JF_ABSENT;
}

bool words_have(jf_view words, jf_view word) {
    while (words.len != 0) {
        jf_view rest = {0};
        if (view_equal(view_until(words, ' ', &rest), word)) return true;
        words = rest;
    }
    return false;
}

bool is_visible(jf_view text) {
    for (uint64_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) return false;
    return text.len != 0;
}
