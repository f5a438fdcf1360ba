/* SPDX-License-Identifier: Apache-2.0
 * Finding an authorization server: the resource's metadata (RFC 9728), then the server's own (RFC 8414,
 * OpenID Connect Discovery 1.0). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "oauth.h"
#include "strict.h"
#include "url.h"

#include <stdlib.h>

static const uint64_t second = 1000000000u, keep = 3600 * 1000000000ull;

jf_view near_of(const struct oauth *it, jf_view url) {
    return it->issuer.len != 0 || it->token_endpoint.len != 0 ? (jf_view){0} : url;
}

int32_t fetch(struct oauth *it, jf_view near, jf_view method, jf_view url,
              const struct au_text *authorization, const struct au_text *body, bool json,
              jf_http_done_fn done, void *user, jf_ref *request) {
    const jf_http_1 *http = it->source.au.host->http;
    jf_fault why = {.size = sizeof(why)};
    jf_pair headers[3] = {{AU_LITERAL("accept"), AU_LITERAL("application/json")}};
    uint64_t count = 1;
    if (body != NULL)
        headers[count++] =
            (jf_pair){AU_LITERAL("content-type"), json ? AU_LITERAL("application/json")
                                                       : AU_LITERAL("application/x-www-form-urlencoded")};
    if (authorization != NULL && authorization->len != 0)
        headers[count++] = (jf_pair){AU_LITERAL("authorization"), VIEW(*authorization)};
    // What a name resolves to is seen by who looks it up only. This machine was judged by learned_wrong.
    bool open = near.len != 0 && !it->private && !same_origin(url, near) && !au_url_is_local(url);
    jf_http_request ask = {.size = sizeof(ask),
                           .flags = open ? JF_HTTP_PUBLIC : 0,
                           .timeout_ns = it->timeout_ns,
                           .method = method,
                           .url = url,
                           .body = body != NULL ? VIEW(*body) : (jf_view){0},
                           .headers = headers,
                           .header_count = count};
    if (http == NULL || it->halted) return JF_E_GONE;
    int32_t status = http->request(http->context, &ask, done, user, request, &why);
    if (status != JF_OK) *request = 0;
    return status;
}

bool read_object(const jf_http_response *response, jf_json_value *root) {
    return response->body.len <= ANSWER_MOST && response->body.len != 0 &&
           jf_json_read(response->body, root) && root->kind == JF_JSON_OBJECT && au_json_strict(root);
}

jf_view member_text(struct au_arena *memory, const jf_json_value *object, const char *name) {
    jf_json_value value;
    if (!au_member(object, name, &value) || value.kind != JF_JSON_STRING) return (jf_view){0};
    uint8_t *copy = au_take(memory, value.len + 1);
    uint64_t length = copy != NULL ? jf_json_decode(&value, copy) : UINT64_MAX;
    return length != UINT64_MAX ? (jf_view){copy, length} : (jf_view){0};
}

static bool list_has(const jf_json_value *object, const char *name, const char *word) {
    jf_json_value list, key, value;
    if (!au_member(object, name, &list) || list.kind != JF_JSON_ARRAY) return false;
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &value) == 1)
        if (value.kind == JF_JSON_STRING && jf_json_is(&value, view_of(word))) return true;
    return false;
}

static bool flag(const jf_json_value *object, const char *name) {
    jf_json_value value;
    return au_member(object, name, &value) && value.kind == JF_JSON_BOOL && value.ptr[0] == 't';
}

/** The texts of a list with blanks between them; those that cannot be scopes are left out. */
static jf_view joined(struct au_arena *memory, const jf_json_value *object, const char *name) {
    jf_json_value list, key, value;
    struct au_text text = {0};
    if (!au_member(object, name, &list) || list.kind != JF_JSON_ARRAY) return (jf_view){0};
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &value) == 1 && text.len < 4096) {
        jf_view word = {value.ptr, value.len};
        if (value.kind != JF_JSON_STRING || value.escaped || !is_visible(word) || word.len > 256) continue;
        if (text.len != 0) au_puts(&text, " ");
        au_put(&text, word);
    }
    jf_view kept = au_take_text(memory, VIEW(text));
    au_text_end(&text);
    return kept;
}

/* ---- The end ---- */

static void fail(struct place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct place *place, const char *format, ...) {
    uint32_t power = place->failures < 6 ? place->failures : 6;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place->why, sizeof(place->why), format, arguments);
    va_end(arguments);
    place->state = PLACE_FAILED;
    place->failures++;
    place->until = au_now(place->of->source.au.host) + (second << power);
    entries_go(place->of);
}

static void ready(struct place *place) {
    place->state = PLACE_READY;
    place->failures = 0;
    place->until = au_now(place->of->source.au.host) + keep;
    entries_go(place->of);
}

/* ---- Documents ---- */

static void next(struct place *place);

#define SHOWN(view) (view).len < 120 ? (int)(view).len : 120, (const char *)(view).ptr

static bool endpoint_good(struct place *place, const char *name, jf_view url) {
    const struct oauth *it = place->of;
    jf_view near = place->issuer.len != 0 ? place->wanted : place->endpoint;
    const char *wrong = url.len == 0 ? NULL : learned_wrong(url, near, it->private);
    if (wrong == NULL) return true;
    fail(place, "the %s of authorization server %.*s %s", name, SHOWN(place->wanted), wrong);
    return false;
}

static void take_issuer(struct place *place, const jf_json_value *root) {
    struct metadata *to = &place->metadata;
    jf_view issuer = member_text(&place->found, root, "issuer");
    jf_json_value value;
    // RFC 8414 section 3.3, byte for byte: else one server could speak for another.
    if (!au_same(issuer, place->wanted)) {
        fail(place, "the metadata at %.*s are of another issuer than they should be", SHOWN(place->location));
        return;
    }
    // Client credentials are of one authorization server; no other sees them because a server now names it.
    if (place->issuer.len == 0 && place->of->client.id.len != 0) {
        if (place->bound.len != 0 && !au_same(VIEW(place->bound), issuer)) {
            fail(place,
                 "%.*s has moved to authorization server %.*s: register the gateway there, and name it "
                 "as issuer",
                 SHOWN(place->endpoint), SHOWN(issuer));
            return;
        }
        if (place->bound.len == 0) text_set(&place->bound, issuer);
    }
    to->issuer = issuer;
    to->authorization = member_text(&place->found, root, "authorization_endpoint");
    to->token = member_text(&place->found, root, "token_endpoint");
    to->registration = member_text(&place->found, root, "registration_endpoint");
    to->revocation = member_text(&place->found, root, "revocation_endpoint");
    to->has_auth = au_member(root, "token_endpoint_auth_methods_supported", &value);
    to->basic = list_has(root, "token_endpoint_auth_methods_supported", "client_secret_basic");
    to->post = list_has(root, "token_endpoint_auth_methods_supported", "client_secret_post");
    to->s256 = list_has(root, "code_challenge_methods_supported", "S256");
    to->offline = list_has(root, "scopes_supported", "offline_access");
    to->iss_parameter = flag(root, "authorization_response_iss_parameter_supported");
    to->by_document = flag(root, "client_id_metadata_document_supported");
    if (to->token.len == 0) {
        fail(place, "authorization server %.*s names no token_endpoint", SHOWN(place->wanted));
        return;
    }
    if (!endpoint_good(place, "token_endpoint", to->token) ||
        !endpoint_good(place, "authorization_endpoint", to->authorization) ||
        !endpoint_good(place, "registration_endpoint", to->registration) ||
        !endpoint_good(place, "revocation_endpoint", to->revocation))
        return;
    ready(place);
}

static void go_to_issuer(struct place *place, jf_view issuer) {
    const char *wrong = NULL;
    if (place->issuer.len == 0) wrong = learned_wrong(issuer, place->endpoint, place->of->private);
    if (wrong != NULL) {
        fail(place, "the authorization server of %.*s %s", SHOWN(place->endpoint), wrong);
        return;
    }
    place->wanted = issuer;
    place->of_resource = false;
    place->step = 0;
    next(place);
}

static void take_resource(struct place *place, const jf_json_value *root) {
    jf_json_value list, key, value, first = {0};
    jf_view resource = member_text(&place->found, root, "resource");
    if (!resource_covers(resource, place->endpoint)) {
        fail(place, "the metadata at %.*s are of another resource", SHOWN(place->location));
        return;
    }
    place->metadata.resource = resource;
    place->metadata.scopes = joined(&place->found, root, "scopes_supported");
    if (!au_member(root, "authorization_servers", &list) || list.kind != JF_JSON_ARRAY) {
        fail(place, "the metadata at %.*s name no authorization server", SHOWN(place->location));
        return;
    }
    jf_json_walk walk = jf_json_walk_of(&list);
    if (jf_json_next(&walk, &key, &value) == 1) first = value;
    uint8_t *copy = first.kind == JF_JSON_STRING ? au_take(&place->found, first.len + 1) : NULL;
    uint64_t length = copy != NULL ? jf_json_decode(&first, copy) : UINT64_MAX;
    if (length == UINT64_MAX) {
        fail(place, "the metadata at %.*s name no authorization server", SHOWN(place->location));
        return;
    }
    go_to_issuer(place, place->issuer.len != 0 ? place->issuer : (jf_view){copy, length});
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct place *place = user;
    jf_json_value root;
    jf_http_response known = {0};
    (void)request;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    place->request = 0;
    if (known.status < 0 || known.status >= 500 || known.status == 429) {
        fail(place, "no answer of use from %.*s (%d)", SHOWN(place->location), (int)known.status);
    } else if (known.status != 200) {
        // Not there; redirections are not followed.
        place->step++;
        next(place);
    } else if (!read_object(&known, &root)) {
        fail(place, "what %.*s answers is no JSON object of use", SHOWN(place->location));
    } else if (place->of_resource) {
        take_resource(place, &root);
    } else {
        take_issuer(place, &root);
    }
}

static jf_view origin_of(struct place *place) {
    uint64_t slashes = 0, at = 0;
    for (; at < place->endpoint.len; at++)
        if (place->endpoint.ptr[at] == '/' && ++slashes == 3) break;
    return (jf_view){place->endpoint.ptr, at};
}

/** Fetches the document of this step. */
static void next(struct place *place) {
    struct au_text url = {0};
    bool more;
    if (place->of_resource && place->hint.len != 0) {
        const char *wrong = learned_wrong(VIEW(place->hint), place->endpoint, place->of->private);
        if (wrong != NULL) {
            fail(place, "the resource_metadata that %.*s names %s", SHOWN(place->endpoint), wrong);
            return;
        }
        more = place->step == 0;
        if (more) au_put(&url, VIEW(place->hint));
    } else {
        more = place->of_resource ? resource_location(place->endpoint, place->step, &url)
                                  : issuer_location(place->wanted, place->step, &url);
    }
    if (!more && place->of_resource) {
        au_text_end(&url);
        // MCP 2025-03-26: the authorization server is the server's own origin.
        place->absent = true;
        go_to_issuer(place, place->issuer.len != 0 ? place->issuer : origin_of(place));
        return;
    }
    place->location = au_take_text(&place->found, VIEW(url));
    au_text_end(&url);
    if (!more) {
        fail(place, "no metadata of the authorization server %.*s were found", SHOWN(place->wanted));
        return;
    }
    jf_view near = place->issuer.len != 0 ? (jf_view){0} : place->endpoint;
    if (fetch(place->of, near, AU_LITERAL("GET"), place->location, NULL, NULL, false, answered, place,
              &place->request) != JF_OK)
        fail(place, "%.*s could not be asked", SHOWN(place->location));
}

/* ---- Places ---- */

struct place *place_of(struct oauth *it, jf_view endpoint, jf_view issuer, jf_view token_endpoint) {
    uint32_t count = 0;
    for (struct place *p = it->places; p != NULL; p = p->next, count++)
        if (au_same(p->endpoint, endpoint) && au_same(p->issuer, issuer)) return p;
    struct place *p = count < PLACES_MOST ? calloc(1, sizeof(*p)) : NULL;
    if (p == NULL) return NULL;
    p->of = it;
    p->endpoint = au_take_text(&p->base, endpoint);
    p->issuer = au_take_text(&p->base, issuer);
    if (token_endpoint.len != 0) {
        p->state = PLACE_READY;
        p->until = UINT64_MAX;
        p->metadata = (struct metadata){.issuer = issuer,
                                        .token = token_endpoint,
                                        .resource = p->endpoint,
                                        .authorization = it->authorization_endpoint,
                                        .s256 = true};
    }
    p->next = it->places;
    it->places = p;
    return p;
}

void place_refused(struct place *place) {
    place->doubted = place->issuer.len == 0 && place->until != UINT64_MAX;
}

/** Whether what was found is to be looked up again because a token was refused: once a second, and not while
 * something is under way that needs it. */
static bool is_doubtful(const struct place *place, uint64_t now) {
    if (!place->doubted || place->state != PLACE_READY || now + keep < place->until + second) return false;
    for (const struct entry *entry = place->of->entries; entry != NULL; entry = entry->next)
        if (entry->place == place && entry->task != TASK_NONE) return false;
    return true;
}

void place_need(struct place *place) {
    uint64_t now = au_now(place->of->source.au.host);
    if (place->state == PLACE_ASKING) return;
    if (place->state != PLACE_NEW && now < place->until && !is_doubtful(place, now)) return;
    place->doubted = false;
    au_arena_end(&place->found);
    place->metadata = (struct metadata){.resource = place->endpoint};
    place->state = PLACE_ASKING;
    place->step = 0;
    place->absent = false;
    if (place->issuer.len != 0) {
        go_to_issuer(place, place->issuer);
        return;
    }
    place->of_resource = true;
    next(place);
}

void place_hint(struct place *place, jf_view url) {
    if (place->until == UINT64_MAX || url.len == 0 || au_same(VIEW(place->hint), url)) return;
    text_set(&place->hint, url);
    if (place->state != PLACE_ASKING) place->state = PLACE_NEW;
}

void place_halt(struct place *place) {
    const jf_http_1 *http = place->of->source.au.host->http;
    if (place->request != 0) http->abandon(http->context, place->request);
    place->request = 0;
}

void place_free(struct place *place) {
    au_text_end(&place->hint);
    au_text_end(&place->bound);
    au_arena_end(&place->base);
    au_arena_end(&place->found);
    free(place);
}
