/* SPDX-License-Identifier: Apache-2.0
 * auth-mtls: the client is whom its certificate names. The listener has verified the certificate's chain, and
 * that the client holds its key. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "certificate.h"
#include "file.h"
#include "principal.h"

#include <stdlib.h>
#include <strings.h>

/** Where a subject comes from. */
enum { FROM_SPIFFE, FROM_URI, FROM_EMAIL, FROM_DNS, FROM_DN, FROM_COUNT };
static const char *const sources[] = {"spiffe", "uri", "email", "dns", "dn"};

/** What is granted to certificates of some names. */
struct rule {
    jf_view subject, issuer; /**< patterns; absent: any */
    struct au_principal grants;
};

/** Serial numbers in order. */
struct denied {
    struct au_arena memory;
    jf_view *of;
    uint32_t count;
};

struct mtls {
    struct au_provider provider;
    struct au_file file;
    struct denied configured, listed;
    uint8_t from[FROM_COUNT];
    uint32_t from_count;
    jf_view *trust_domains;
    uint32_t trust_domain_count;
    struct rule *rules;
    uint32_t rule_count;
    bool must_match; /**< who matches no rule is denied */
};

/* ---- Revoked certificates ---- */

static int order(const void *a, const void *b) {
    const jf_view *left = a, *right = b;
    if (left->len != right->len) return left->len < right->len ? -1 : 1;
    return memcmp(left->ptr, right->ptr, left->len);
}

static bool is_denied(const struct denied *denied, jf_view serial) {
    return denied->count != 0 && bsearch(&serial, denied->of, denied->count, sizeof(serial), order) != NULL;
}

/** One serial number a line; what follows a # is a remark. */
static int32_t take_file(struct au_file *file, jf_view text, jf_fault *why) {
    struct mtls *it = (struct mtls *)file->provider;
    struct denied denied = {0};
    uint32_t lines = 1, line = 0;
    for (uint64_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    denied.of = au_take(&denied.memory, lines * sizeof(*denied.of));
    const uint8_t *at = text.ptr, *end = at + text.len;
    while (denied.of != NULL && at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *next = stop != NULL ? stop + 1 : end;
        if (stop == NULL) stop = end;
        const uint8_t *remark = memchr(at, '#', (size_t)(stop - at));
        if (remark != NULL) stop = remark;
        while (at < stop && *at <= ' ')
            at++;
        while (stop > at && stop[-1] <= ' ')
            stop--;
        line++;
        if (at < stop) {
            jf_view serial = serial_read((jf_view){at, (uint64_t)(stop - at)}, &denied.memory);
            if (serial.ptr == NULL) {
                au_arena_end(&denied.memory);
                return au_refuse(why, JF_E_INVALID, "%s: line %u is no serial number in hexadecimal digits",
                                 it->file.path, line);
            }
            denied.of[denied.count++] = serial;
        }
        at = next;
    }
    if (denied.memory.failed) {
        au_arena_end(&denied.memory);
        return au_refuse(why, JF_E_FAULT, "out of memory for %s", it->file.path);
    }
    qsort(denied.of, denied.count, sizeof(*denied.of), order);
    struct denied before = it->listed;
    it->listed = denied;
    // Those who were let in, and would not be now.
    jf_view serials[AU_FORGET_MOST];
    uint32_t count = 0;
    for (uint32_t i = 0; before.of != NULL && i < denied.count; i++) {
        if (is_denied(&before, denied.of[i])) continue;
        if (count < AU_FORGET_MOST) serials[count] = denied.of[i];
        count++;
    }
    au_forget_all(file->provider, serials, count);
    au_arena_end(&before.memory);
    return JF_OK;
}

/* ---- Configuration ---- */

static void open_sources(struct mtls *it, struct au_options *options) {
    uint32_t count;
    jf_view *names = au_option_texts(options, &options->root, "subject", FROM_COUNT, &count);
    for (uint32_t i = 0; names == NULL && i < FROM_COUNT; i++)
        it->from[it->from_count++] = (uint8_t)i;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < FROM_COUNT &&
               !au_same(names[i], (jf_view){(const uint8_t *)sources[at], strlen(sources[at])}))
            at++;
        if (at == FROM_COUNT)
            au_option_wrong(options, "subject may name spiffe, uri, email, dns and dn");
        else
            it->from[it->from_count++] = (uint8_t)at;
    }
    if (it->from_count == 0) au_option_wrong(options, "subject names nothing");
}

static void open_rules(struct mtls *it, struct au_options *options) {
    jf_json_value list, key, entry;
    char where[32];
    if (!au_member(&options->root, "rules", &list) || list.kind != JF_JSON_ARRAY) return;
    it->rules = au_take(options->keep, (au_count(&list) + 1) * sizeof(*it->rules));
    jf_json_walk walk = jf_json_walk_of(&list);
    while (it->rules != NULL && options->status == JF_OK && jf_json_next(&walk, &key, &entry) == 1) {
        struct rule *rule = &it->rules[it->rule_count];
        snprintf(where, sizeof(where), "rules[%u]: ", it->rule_count++);
        options->where = where;
        rule->subject = au_option_text(options, &entry, "subject");
        rule->issuer = au_option_text(options, &entry, "issuer");
        au_principal_read(options, &entry, &rule->grants);
    }
    options->where = "";
}

static void open_denied(struct mtls *it, struct au_options *options) {
    jf_view *texts = au_option_texts(options, &options->root, "denied", 65536, &it->configured.count);
    for (uint32_t i = 0; i < it->configured.count && options->status == JF_OK; i++) {
        texts[i] = serial_read(texts[i], options->keep);
        if (texts[i].ptr == NULL)
            au_option_wrong(options, "denied[%u] is no serial number in hexadecimal digits", i);
    }
    it->configured.of = texts;
    if (texts != NULL && options->status == JF_OK) qsort(texts, it->configured.count, sizeof(*texts), order);
    it->file.path = (const char *)au_option_text(options, &options->root, "denied_file").ptr;
    if (it->file.path != NULL) au_file_open(&it->file, options);
}

static void open(struct au_provider *provider, struct au_options *options) {
    static const char *const unmatched[] = {"accept", "deny", NULL};
    struct mtls *it = (struct mtls *)provider;
    const char *missing = NULL;
    it->file.provider = provider;
    it->file.take = take_file;
    if (!certificate_load(&missing))
        au_option_wrong(options, "needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    open_sources(it, options);
    it->trust_domains =
        au_option_texts(options, &options->root, "trust_domains", 256, &it->trust_domain_count);
    open_rules(it, options);
    it->must_match = au_option_word(options, &options->root, "unmatched", unmatched, 0) == 1;
    open_denied(it, options);
}

/* ---- A certificate ---- */

/** The SPIFFE id, if there is one. JF_ABSENT: there is none; JF_E_DENIED: it is not one that we take. */
static int32_t find_spiffe(const struct mtls *it, const struct certificate *c, jf_view *subject,
                           jf_view *issuer, jf_fault *why) {
    jf_view domain;
    bool any = false;
    for (uint32_t i = 0; i < c->uri.count; i++)
        any =
            any || (c->uri.of[i].len >= 7 && strncasecmp((const char *)c->uri.of[i].ptr, "spiffe:", 7) == 0);
    if (!any) return JF_ABSENT;
    // X509-SVID, section 2: exactly one URI.
    if (c->uri.count != 1 || !spiffe_read(c->uri.of[0], &domain))
        return au_deny(why, "the SPIFFE id of the certificate is not valid");
    *subject = c->uri.of[0];
    *issuer = (jf_view){c->uri.of[0].ptr, (uint64_t)(domain.ptr + domain.len - c->uri.of[0].ptr)};
    for (uint32_t i = 0; i < it->trust_domain_count; i++)
        if (au_same(it->trust_domains[i], domain)) return JF_OK;
    return it->trust_domain_count == 0
               ? JF_OK
               : au_deny(why, "the trust domain of the certificate is not known here");
}

static int32_t find_subject(const struct mtls *it, const struct certificate *c, jf_view *subject,
                            jf_view *issuer, jf_fault *why) {
    const struct san *sans[] = {NULL, &c->uri, &c->email, &c->dns};
    *issuer = c->issuer;
    for (uint32_t i = 0; i < it->from_count; i++) {
        uint8_t from = it->from[i];
        if (from == FROM_SPIFFE) {
            int32_t status = find_spiffe(it, c, subject, issuer, why);
            if (status != JF_ABSENT) return status;
        } else if (from == FROM_DN && c->subject.len != 0) {
            *subject = c->subject;
            return JF_OK;
        } else if (from != FROM_DN && sans[from]->count != 0) {
            *subject = sans[from]->of[0];
            return JF_OK;
        }
    }
    return au_deny(why, "the certificate names nobody");
}

/** Adds what is not there yet. */
static void join(jf_view *to, uint32_t *count, uint32_t most, const jf_view *from, uint32_t more) {
    for (uint32_t i = 0; i < more && *count < most; i++) {
        uint32_t at = 0;
        while (at < *count && !au_same(to[at], from[i]))
            at++;
        if (at == *count) to[(*count)++] = from[i];
    }
}

static void put_list(struct au_text *out, const char *name, const struct san *list) {
    if (list->count == 0) return;
    au_puts(out, ",");
    au_put_quoted(out, (jf_view){(const uint8_t *)name, strlen(name)});
    for (uint32_t i = 0; i < list->count; i++) {
        au_put(out, i == 0 ? AU_LITERAL(":[") : AU_LITERAL(","));
        au_put_quoted(out, list->of[i]);
    }
    au_puts(out, "]");
}

static void put_attributes(struct au_text *out, const struct certificate *c) {
    au_puts(out, ",\"attributes\":{\"serial\":");
    au_put_quoted(out, c->serial);
    au_puts(out, ",\"dn\":");
    au_put_quoted(out, c->subject);
    au_puts(out, ",\"issuer_dn\":");
    au_put_quoted(out, c->issuer);
    put_list(out, "uri", &c->uri);
    put_list(out, "dns", &c->dns);
    put_list(out, "email", &c->email);
    au_puts(out, "}");
}

static int32_t compose(const struct mtls *it, const struct certificate *c, struct au_text *out,
                       jf_fault *why) {
    enum { MOST = 512 };
    jf_view roles[MOST], scopes[MOST];
    struct au_principal principal = {.credential = c->serial, .expires_ms = c->until_ms};
    int32_t status = find_subject(it, c, &principal.subject, &principal.issuer, why);
    if (status != JF_OK) return status;
    bool matched = false;
    for (uint32_t i = 0; i < it->rule_count; i++) {
        const struct rule *rule = &it->rules[i];
        if ((rule->subject.ptr != NULL && !au_glob(rule->subject, principal.subject)) ||
            (rule->issuer.ptr != NULL && !au_glob(rule->issuer, c->issuer)))
            continue;
        matched = true;
        if (principal.tenant.ptr == NULL) principal.tenant = rule->grants.tenant;
        join(roles, &principal.role_count, MOST, rule->grants.roles, rule->grants.role_count);
        join(scopes, &principal.scope_count, MOST, rule->grants.scopes, rule->grants.scope_count);
    }
    if (!matched && it->must_match) return au_deny(why, "the certificate is not known here");
    principal.roles = roles;
    principal.scopes = scopes;
    au_principal_put(out, &principal);
    put_attributes(out, c);
    return JF_OK;
}

static int32_t identify(struct au_provider *provider, jf_ref op, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    struct mtls *it = (struct mtls *)provider;
    struct au_arena memory = {0};
    struct certificate c;
    struct au_text text = {0};
    int32_t status = JF_OK;
    (void)op;
    if (credentials->certificate.ptr == NULL) return JF_ABSENT;
    if (!certificate_read(credentials->certificate, &memory, &c))
        status = au_deny(why, "the certificate cannot be read");
    else if (c.from_ms > credentials->now_ms)
        status = au_deny(why, "the certificate is not valid yet");
    else if (c.until_ms <= credentials->now_ms)
        status = au_deny(why, "the certificate expired");
    else if (is_denied(&it->configured, c.serial) || is_denied(&it->listed, c.serial))
        status = au_deny(why, "the certificate was revoked");
    else
        status = compose(it, &c, &text, why);
    au_arena_end(&memory);
    if (status != JF_OK) {
        au_text_end(&text);
        return status;
    }
    bool may_change = it->file.path != NULL && provider->host->identity == NULL;
    return au_principal_end(&text, may_change ? 1000 : UINT64_MAX, principal, why) ? JF_OK : JF_E_FAULT;
}

static void halt(struct au_provider *provider) {
    au_file_close(&((struct mtls *)provider)->file);
}

static void close(struct au_provider *provider) {
    au_arena_end(&((struct mtls *)provider)->listed.memory);
}

const struct au_kind au_this = {.plugin = "auth-mtls",
                                .record = sizeof(struct mtls),
                                .open = open,
                                .identify = identify,
                                .halt = halt,
                                .close = close};
