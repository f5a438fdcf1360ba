/* SPDX-License-Identifier: Apache-2.0
 * Those who need a token: asking for one, once for all who wait, and asking anew when a server refuses it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "oauth.h"
#include "text.h"

#include <stdlib.h>

enum { SCOPES_MOST = 4096 };
static const uint64_t second = 1000000000u;

void text_set(struct au_text *to, jf_view from) {
    struct au_text copy = {0};
    au_put(&copy, from);
    au_text_end(to);
    *to = copy;
}

/* ---- Answers ---- */

void entry_answer(struct entry *entry, int32_t status, const struct au_text *json, const jf_fault *why) {
    struct waiting *it = entry->first;
    const jf_loop_1 *loop = entry->of->source.au.host->loop;
    entry->first = NULL;
    entry->last = &entry->first;
    entry->busy = false;
    if (entry->timer != 0) loop->cancel(loop->context, entry->timer);
    entry->timer = 0;
    au_text_end(&entry->subject_token);
    au_text_end(&entry->assertion);
    // Whoever is answered may ask again at once.
    entry->of->answering++;
    while (it != NULL) {
        struct waiting *next = it->next;
        struct au_text copy = {0};
        jf_blob blob = {0};
        jf_fault own = {.size = sizeof(own)};
        int32_t result = status;
        if (why != NULL) own = *why;
        if (json != NULL) {
            au_put(&copy, VIEW(*json));
            if (!au_text_blob(&copy, &blob)) result = au_refuse(&own, JF_E_FAULT, "out of memory");
        }
        cs_finish(&entry->of->source, it->op, result, &blob, &own);
        free(it);
        it = next;
    }
    entry->of->answering--;
}

void entry_fail(struct entry *entry, int32_t status, bool public, const char *format, ...) {
    uint32_t power = entry->failures < 6 ? entry->failures : 6;
    char text[200];
    jf_fault why = {.size = sizeof(why)};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    entry->failures++;
    entry->next_try = au_now(entry->of->source.au.host) + (second << power);
    if (public) {
        oauth_log(entry->of, JF_LOG_WARNING, "%s", text);
        jf_fault_set(&why, status, JF_FAULT_PUBLIC, "%s", text);
    } else {
        au_refuse(&why, status, "%s", text);
    }
    why.retry_ms = status == JF_E_DENIED ? 0 : 1000u << power;
    entry_answer(entry, status, NULL, &why);
}

static bool is_good(const struct entry *entry) {
    return entry->access.len != 0 && (entry->expires_ms == 0 || wall_ms(entry->of) < entry->expires_ms);
}

static void put_supply(const struct entry *entry, struct au_text *json) {
    uint64_t now = wall_ms(entry->of);
    au_puts(json, "{\"headers\":{\"Authorization\":\"Bearer ");
    // Visible ASCII; of that, JSON has only two characters to escape.
    for (uint64_t i = 0; i < entry->access.len; i++) {
        uint8_t c = entry->access.ptr[i];
        if (c == '"' || c == '\\') au_puts(json, "\\");
        au_put(json, (jf_view){&c, 1});
    }
    au_puts(json, "\"}");
    if (entry->expires_ms != 0) {
        au_puts(json, ",\"expires_ms\":");
        au_put_number(json, entry->expires_ms > now ? entry->expires_ms : now + 1);
    }
    if (entry->shared) au_puts(json, ",\"shared\":true");
    // Another gateway may have disconnected the user: it is looked up again.
    if (entry->grant == GRANT_CODE) au_puts(json, ",\"keep_ms\":60000");
    au_puts(json, "}");
}

void entry_done(struct entry *entry) {
    struct au_text json = {0};
    entry->failures = 0;
    entry->next_try = 0;
    put_supply(entry, &json);
    entry_answer(entry, JF_OK, &json, NULL);
    au_text_end(&json);
}

/* ---- Scopes ---- */

static bool add_words(struct au_text *to, jf_view words) {
    bool added = false;
    while (words.len != 0) {
        jf_view rest = {0}, word = view_until(words, ' ', &rest);
        words = rest;
        if (word.len == 0 || !is_visible(word) || words_have(VIEW(*to), word)) continue;
        if (memchr(word.ptr, '"', word.len) != NULL || memchr(word.ptr, '\\', word.len) != NULL) continue;
        if (to->len + word.len + 1 > SCOPES_MOST) break;
        if (to->len != 0) au_puts(to, " ");
        au_put(to, word);
        added = true;
    }
    return added;
}

bool entry_scopes(const struct entry *entry, struct au_text *out) {
    const struct metadata *at = &entry->place->metadata;
    add_words(out, entry->of->scopes);
    add_words(out, VIEW(entry->scopes));
    if (out->len == 0) add_words(out, at->scopes);
    if (entry->grant == GRANT_CODE && at->offline) add_words(out, AU_LITERAL("offline_access"));
    return !out->failed;
}

/* ---- Asking ---- */

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct entry *entry = user;
    struct tokens tokens = {0};
    enum task task = entry->task;
    jf_http_response known = {0};
    char room[160];
    enum refusal refusal = REFUSED_OTHER;
    (void)request;
    entry->request = 0;
    entry->task = TASK_NONE;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    const char *wrong = tokens_read(&known, task == TASK_ASSERTION, wall_ms(entry->of), &tokens, room,
                                    sizeof(room), &refusal);
    // What was given to a client that is gone is of no use to the next one.
    bool gone =
        refusal == REFUSED_GRANT || (refusal == REFUSED_CLIENT && task == TASK_REFRESH &&
                                     client_refused(entry->of, entry->place->metadata.issuer, (jf_view){0}));
    if (task == TASK_REFRESH && (wrong == NULL || gone)) {
        code_refreshed(entry, &tokens, wrong != NULL);
    } else if (wrong != NULL && gone && entry->grant != GRANT_CLIENT) {
        entry_fail(entry, JF_E_DENIED, true, "the authorization server gives no access for this user");
    } else if (wrong != NULL) {
        if (task == TASK_REFRESH) code_refreshed(entry, NULL, false);
        entry_fail(entry, JF_E_GONE, false, "%s", wrong);
    } else if (task == TASK_ASSERTION) {
        text_set(&entry->assertion, VIEW(tokens.access));
        entry_go(entry);
    } else {
        text_set(&entry->access, VIEW(tokens.access));
        entry->expires_ms = tokens.expires_ms;
        entry_done(entry);
    }
    tokens_end(&tokens);
}

void entry_send(struct entry *entry, struct place *at, const struct client *client, struct au_text *form,
                enum task task) {
    struct au_text authorization = {0};
    const char *wrong = client_show(client, &at->metadata, wall_ms(entry->of), form, &authorization);
    if (wrong == NULL) {
        entry->task = task;
        jf_view near = at->issuer.len != 0 ? (jf_view){0} : near_of(entry->of, at->endpoint);
        if (fetch(entry->of, near, AU_LITERAL("POST"), at->metadata.token, &authorization, form, false,
                  answered, entry, &entry->request) != JF_OK)
            wrong = "the token endpoint cannot be asked";
    }
    au_text_end(&authorization);
    au_text_end(form);
    if (wrong == NULL) return;
    if (task == TASK_REFRESH) code_refreshed(entry, NULL, false);
    entry->task = TASK_NONE;
    entry_fail(entry, JF_E_GONE, false, "%s", wrong);
}

jf_view resource_of(const struct entry *entry) {
    return entry->of->resource.len != 0 ? entry->of->resource : entry->place->metadata.resource;
}

static void put_common(struct entry *entry, struct au_text *form) {
    struct au_text scopes = {0};
    entry_scopes(entry, &scopes);
    if (scopes.len != 0) put_pair(form, "scope", VIEW(scopes));
    if (scopes.failed) form->failed = true;
    au_text_end(&scopes);
    if (resource_of(entry).len != 0) put_pair(form, "resource", resource_of(entry));
}

static void put_exchange(struct entry *entry, struct au_text *form, const char *wanted) {
    const struct oauth *it = entry->of;
    au_puts(form, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange");
    put_pair(form, "subject_token", VIEW(entry->subject_token));
    put_pair(form, "subject_token_type", it->subject_token_type);
    put_pair(form, "requested_token_type", view_of(wanted));
}

static void ask(struct entry *entry) {
    struct oauth *it = entry->of;
    struct au_text form = {0};
    if (entry->grant == GRANT_CLIENT) {
        au_puts(&form, "grant_type=client_credentials");
        put_common(entry, &form);
        if (it->audience.len != 0) put_pair(&form, "audience", it->audience);
        entry_send(entry, entry->place, &it->client, &form, TASK_TOKEN);
    } else if (entry->grant == GRANT_EXCHANGE) {
        put_exchange(entry, &form, "urn:ietf:params:oauth:token-type:access_token");
        if (it->audience.len != 0) put_pair(&form, "audience", it->audience);
        put_common(entry, &form);
        entry_send(entry, entry->place, &it->client, &form, TASK_TOKEN);
    } else if (entry->assertion.len != 0) {
        au_puts(&form, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
        put_pair(&form, "assertion", VIEW(entry->assertion));
        put_common(entry, &form);
        entry_send(entry, entry->place, &it->client, &form, TASK_TOKEN);
    } else {
        struct place *idp = place_of(it, (jf_view){0}, it->idp_issuer, it->idp_token_endpoint);
        if (idp == NULL) {
            entry_fail(entry, JF_E_FAULT, false, "out of memory");
            return;
        }
        place_need(idp);
        if (!entry->busy || idp->state == PLACE_ASKING) return;
        if (idp->state == PLACE_FAILED) {
            entry_fail(entry, JF_E_GONE, false, "%s", idp->why);
            return;
        }
        put_exchange(entry, &form, "urn:ietf:params:oauth:token-type:id-jag");
        put_pair(&form, "audience", it->audience.len != 0 ? it->audience : entry->place->metadata.issuer);
        put_common(entry, &form);
        entry_send(entry, idp, &it->idp, &form, TASK_ASSERTION);
    }
}

void entry_go(struct entry *entry) {
    if (!entry->busy || entry->task != TASK_NONE) return;
    if (is_good(entry) && entry->grant != GRANT_CODE) {
        entry_done(entry);
        return;
    }
    place_need(entry->place);
    if (!entry->busy || entry->task != TASK_NONE || entry->place->state == PLACE_ASKING) return;
    if (entry->place->state == PLACE_FAILED) {
        if (entry->place->absent && !entry->refused)
            entry_answer(entry, JF_ABSENT, NULL, NULL); // Perhaps it needs none; else its refusal tells more.
        else
            entry_fail(entry, JF_E_GONE, false, "%s", entry->place->why);
    } else if (entry->grant == GRANT_CODE) {
        code_go(entry);
    } else {
        ask(entry);
    }
}

void entries_go(struct oauth *it) {
    for (struct entry *entry = it->entries; entry != NULL; entry = entry->next)
        entry_go(entry);
    leave_go(it);
}

static void begin(void *user) {
    struct entry *entry = user;
    entry->timer = 0;
    entry_go(entry);
}

/* ---- Demands ---- */

static void unlink_entry(struct oauth *it, struct entry *entry) {
    struct entry **at = &it->entries;
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    it->entry_count--;
}

static void make_room(struct oauth *it) {
    struct entry *last = NULL;
    if (it->answering != 0) return;
    for (struct entry *e = it->entries; e != NULL; e = e->next)
        if (!e->busy) last = e;
    if (last == NULL) return;
    unlink_entry(it, last);
    entry_free(last);
}

static jf_view copied(uint8_t **at, jf_view from) {
    jf_view copy = {*at, from.len};
    if (from.len != 0) memcpy(*at, from.ptr, from.len);
    *at += from.len;
    return copy;
}

static struct entry *entry_of(struct oauth *it, enum grant grant, const jf_demand *demand) {
    const jf_principal *who = demand->principal;
    jf_view key = grant == GRANT_CLIENT ? (jf_view){0} : who->key;
    jf_view endpoint = it->resource.len != 0 && it->issuer.len == 0 ? it->resource : demand->endpoint;
    for (struct entry **at = &it->entries; *at != NULL; at = &(*at)->next) {
        struct entry *entry = *at;
        if (entry->grant != grant || !au_same(entry->key, key) || !au_same(entry->place->endpoint, endpoint))
            continue;
        // To the front: those that are not used fall off at the end.
        *at = entry->next;
        entry->next = it->entries;
        return it->entries = entry;
    }
    if (it->entry_count == ENTRIES_MOST) make_room(it);
    struct place *place = place_of(it, endpoint, it->issuer, it->token_endpoint);
    struct entry *entry = place != NULL && it->entry_count < ENTRIES_MOST
                              ? calloc(1, sizeof(*entry) + key.len + who->subject.len + who->issuer.len)
                              : NULL;
    if (entry == NULL) return NULL;
    uint8_t *rest = (uint8_t *)(entry + 1);
    entry->of = it;
    entry->place = place;
    entry->grant = grant;
    entry->shared = it->grant == GRANT_CLIENT;
    entry->key = copied(&rest, key);
    entry->subject = copied(&rest, who->subject);
    entry->issuer = copied(&rest, who->issuer);
    entry->last = &entry->first;
    entry->next = it->entries;
    it->entries = entry;
    it->entry_count++;
    return entry;
}

/** Whether a token may be replaced once more: a server that refuses all of them costs its neighbour little.
 */
static bool may_renew(struct entry *entry) {
    uint64_t now = au_now(entry->of->source.au.host), *oldest = &entry->renewed[entry->renewals++ % 8];
    if (*oldest != 0 && now - *oldest < 10 * second) return false;
    *oldest = now;
    return true;
}

/** The server refused what was shown. JF_OK: there may be something better. */
static int32_t take_refusal(struct entry *entry, const jf_demand *demand, jf_fault *why) {
    char room[URL_MOST];
    bool more;
    entry->refused = true;
    jf_view scope = challenge_parameter(demand->challenge, "scope", room, sizeof(room));
    more = add_words(&entry->scopes, scope);
    if (demand->refused == JF_STATUS_FORBIDDEN && !more)
        return jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC, "more is needed than was granted");
    place_hint(entry->place, challenge_parameter(demand->challenge, "resource_metadata", room, sizeof(room)));
    if (!entry->busy) {
        if (!may_renew(entry)) return au_unknown(why, 10000, "the server refuses one token after the other");
        if (entry->grant == GRANT_CODE) code_refused(entry, demand->refused == JF_STATUS_FORBIDDEN);
        au_text_end(&entry->access);
        if (demand->refused == JF_STATUS_UNAUTHORIZED) place_refused(entry->place);
    }
    return JF_OK;
}

static int32_t wait_for(struct entry *entry, jf_ref op, const jf_demand *demand, jf_fault *why) {
    const struct au_host *host = entry->of->source.au.host;
    struct waiting *it = calloc(1, sizeof(*it));
    if (it == NULL) return au_refuse(why, JF_E_FAULT, "out of memory");
    it->op = op;
    *entry->last = it;
    entry->last = &it->next;
    if (entry->busy) return JF_PENDING;
    entry->busy = true;
    entry->may_wait = demand->attempt > 0 && demand->refused == 0;
    entry->wait_until = entry->patience = 0;
    text_set(&entry->subject_token, demand->presented);
    // Not from inside: an operation ends after it has begun.
    if (host->loop->timer(host->loop->context, 0, begin, entry, &entry->timer) == JF_OK) return JF_PENDING;
    entry->timer = 0;
    entry->busy = false;
    entry->first = NULL;
    entry->last = &entry->first;
    free(it);
    return au_refuse(why, JF_E_FAULT, "no timer");
}

int32_t entry_supply(struct oauth *it, jf_ref op, const jf_demand *demand, jf_blob *supply, jf_fault *why) {
    enum grant grant =
        demand->principal->id == 0 && it->grant != GRANT_CLIENT ? it->gateway_grant : it->grant;
    if (grant == GRANT_NONE) {
        if (demand->refused == 0) return JF_ABSENT;
        return au_unknown(why, 60000, "the server lets nobody in but users: gateway_grant may say how else");
    }
    if ((grant == GRANT_EXCHANGE || grant == GRANT_ID_JAG) && demand->presented.len == 0)
        return jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC,
                            "it needs a bearer token of yours that can be exchanged");
    struct entry *entry = entry_of(it, grant, demand);
    if (entry == NULL) return au_unknown(why, 1000, "too many users at once, or no memory");
    if (demand->refused != 0) {
        int32_t status = take_refusal(entry, demand, why);
        if (status != JF_OK) return status;
    }
    if (is_good(entry) && !entry->busy && grant != GRANT_CODE) {
        struct au_text json = {0};
        put_supply(entry, &json);
        return au_text_blob(&json, supply) ? JF_OK : au_refuse(why, JF_E_FAULT, "out of memory");
    }
    uint64_t now = au_now(it->source.au.host);
    if (!entry->busy && now < entry->next_try && demand->refused == 0)
        return au_unknown(why, (entry->next_try - now) / 1000000u + 1,
                          "the authorization server failed a moment ago");
    return wait_for(entry, op, demand, why);
}

void entry_halt(struct entry *entry) {
    const struct au_host *host = entry->of->source.au.host;
    jf_fault why = {.size = sizeof(why)};
    if (entry->request != 0) host->http->abandon(host->http->context, entry->request);
    if (entry->request != 0 && entry->task == TASK_REFRESH) code_refreshed(entry, NULL, false);
    entry->request = 0;
    entry->task = TASK_NONE;
    code_forget(entry);
    au_unknown(&why, 1000, "the gateway stops");
    entry_answer(entry, JF_E_GONE, NULL, &why);
}

void entry_free(struct entry *entry) {
    code_forget(entry);
    au_text_end(&entry->access);
    au_text_end(&entry->scopes);
    au_text_end(&entry->subject_token);
    au_text_end(&entry->assertion);
    au_text_end(&entry->plain);
    au_text_end(&entry->bad);
    au_text_end(&entry->link_scopes);
    au_text_end(&entry->link_issuer);
    free(entry);
}
