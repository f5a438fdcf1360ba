/* SPDX-License-Identifier: Apache-2.0
 * Records in the configured store: their keys, sealing and opening, one operation at a time. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "vault.h"

#include <stdlib.h>

enum kind { GET, PUT, REMOVE, FIRST };

struct vault_op {
    struct vault_op *next;
    struct oauth *of;
    jf_ref ref;
    vault_done_fn done;
    void *user;
    enum kind kind;
    struct vault_key key;
};

static const uint64_t minute = 60 * 1000000000ull;

/* ---- Keys ---- */

static void put_digest(char *to, const jf_view *parts, size_t count) {
    struct au_text text = {0};
    for (size_t i = 0; i < count; i++)
        pack_text(&text, parts[i]);
    digest_text(VIEW(text), to);
    au_text_end(&text);
}

struct vault_key key_of_server(jf_view server) {
    struct vault_key key = {{'t', '/'}};
    put_digest(key.text + 2, &server, 1);
    strcat(key.text, "/");
    return key;
}

struct vault_key key_of_user(jf_view server, jf_view issuer, jf_view subject) {
    struct vault_key key = key_of_server(server);
    jf_view parts[] = {server, issuer, subject};
    put_digest(key.text + strlen(key.text), parts, 3);
    strcat(key.text, "/");
    return key;
}

struct vault_key key_of_connection(jf_view server, jf_view user_issuer, jf_view subject, jf_view principal,
                                   jf_view issuer, jf_view resource) {
    struct vault_key key = key_of_user(server, user_issuer, subject);
    jf_view parts[] = {principal, issuer, resource};
    put_digest(key.text + strlen(key.text), parts, 3);
    return key;
}

struct vault_key key_of_client(jf_view issuer, jf_view redirect) {
    struct vault_key key = {{'r', '/'}};
    jf_view parts[] = {issuer, redirect};
    put_digest(key.text + 2, parts, 2);
    return key;
}

struct vault_key key_of_pending(jf_view server, jf_view id) {
    struct vault_key key = {{'p', '/'}};
    jf_view parts[] = {server, id};
    put_digest(key.text + 2, parts, 2);
    return key;
}

/* ---- Operations ---- */

static struct vault_op *op_new(struct oauth *it, enum kind kind, const struct vault_key *key,
                               vault_done_fn done, void *user) {
    struct vault_op *op = it->closed ? NULL : calloc(1, sizeof(*op));
    if (op == NULL) return NULL;
    *op = (struct vault_op){
        .next = it->stored, .of = it, .done = done, .user = user, .kind = kind, .key = *key};
    return it->stored = op;
}

static void op_end(struct vault_op *op) {
    struct vault_op **at = &op->of->stored;
    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
    free(op);
}

/** What cannot be read is as if it were not there; the log says so, but not for each record of a store whose
 * key was lost. */
static void tell_unreadable(struct oauth *it) {
    uint64_t now = au_now(it->source.au.host);
    if (it->unreadable_ns != 0 && now - it->unreadable_ns < minute) return;
    it->unreadable_ns = now;
    oauth_log(it, JF_LOG_WARNING,
              "a record in the store does not open and counts as absent: it was sealed with a key that "
              "seal-openssl does not have (`keys`), or was changed");
}

/** The entry in an answer; false: it is none. */
static bool entry_in(jf_view answer, jf_store_entry *head, jf_view *key, jf_view *value) {
    if (answer.len < sizeof(*head)) return false;
    memcpy(head, answer.ptr, sizeof(*head));
    uint64_t rest = answer.len - sizeof(*head);
    if (head->key_len > rest || head->value_len > rest - head->key_len) return false;
    *key = (jf_view){answer.ptr + sizeof(*head), head->key_len};
    *value = (jf_view){key->ptr + key->len, head->value_len};
    return true;
}

static void ended(void *user, jf_ref operation, int32_t status, jf_view answer, const jf_fault *why) {
    struct vault_op *op = user;
    struct oauth *it = op->of;
    const jf_seal_1 *seal = cs_host_of(&it->source)->seal;
    struct vault_answer told = {.key = view_of(op->key.text), .why = "no reason given"};
    vault_done_fn done = op->done;
    void *whose = op->user;
    char text[200] = "";
    jf_blob plain = {0};
    jf_store_entry head;
    jf_view key, value;
    bool reads = op->kind == GET || op->kind == FIRST;
    (void)operation;
    op->ref = 0;
    struct vault_key own = op->key;
    told.key = view_of(own.text);
    if (why != NULL && why->text_len != 0) {
        snprintf(text, sizeof(text), "%.*s", (int)why->text_len, why->text);
        told.why = text;
    }
    if (status == JF_OK && op->kind != REMOVE) {
        if (!entry_in(answer, &head, &key, &value)) {
            status = JF_E_FAULT;
            told.why = "its answer has no entry";
        } else {
            told.revision = head.revision;
            if (op->kind == FIRST) told.key = key;
        }
    }
    if (status == JF_OK && reads) {
        jf_fault closed = {.size = sizeof(closed)};
        status = seal->open(seal->context, value, told.key, &plain, &closed);
        told.plain = (jf_view){plain.ptr, plain.len};
        if (status != JF_OK) {
            status = JF_E_INVALID;
            tell_unreadable(it);
        }
    } else if (status == JF_E_INVALID) {
        status = JF_E_FAULT;
    }
    op_end(op);
    done(whose, status, &told);
    if (plain.drop != NULL) plain.drop(plain.owner);
}

/** It could not be begun. */
static void not_begun(struct vault_op *op, vault_done_fn done, void *user, int32_t status, const char *why) {
    struct vault_answer told = {.why = why};
    if (op != NULL) op_end(op);
    done(user, status < 0 ? status : JF_E_FAULT, &told);
}

#define STATE(it) (cs_host_of(&(it)->source)->state)
#define KEY(key) view_of((key)->text)

void vault_get(struct oauth *it, const struct vault_key *key, vault_done_fn done, void *user) {
    struct vault_op *op = op_new(it, GET, key, done, user);
    int32_t status =
        op != NULL ? STATE(it)->get(STATE(it)->context, KEY(key), ended, op, &op->ref) : JF_E_FAULT;
    if (status != JF_OK) not_begun(op, done, user, status, "too much is under way");
}

void vault_put(struct oauth *it, const struct vault_key *key, jf_view plain, uint32_t how, uint64_t revision,
               uint64_t ttl_ms, vault_done_fn done, void *user) {
    const jf_seal_1 *seal = cs_host_of(&it->source)->seal;
    jf_blob sealed = {0};
    jf_fault why = {.size = sizeof(why)};
    if (seal->seal(seal->context, plain, KEY(key), &sealed, &why) != JF_OK) {
        not_begun(NULL, done, user, JF_E_FAULT, "it cannot be sealed: too long, or seal-openssl fails");
        return;
    }
    struct vault_op *op = op_new(it, PUT, key, done, user);
    jf_store_put put = {.size = sizeof(put),
                        .flags = how,
                        .revision = revision,
                        .ttl_ms = ttl_ms < JF_STORE_TTL_MOST ? ttl_ms : JF_STORE_TTL_MOST,
                        .key = KEY(key),
                        .value = {sealed.ptr, sealed.len}};
    int32_t status = op != NULL ? STATE(it)->put(STATE(it)->context, &put, ended, op, &op->ref) : JF_E_FAULT;
    if (sealed.drop != NULL) sealed.drop(sealed.owner);
    if (status != JF_OK) not_begun(op, done, user, status, "too much is under way");
}

void vault_remove(struct oauth *it, const struct vault_key *key, uint64_t revision, vault_done_fn done,
                  void *user) {
    struct vault_op *op = op_new(it, REMOVE, key, done, user);
    int32_t status = op != NULL
                         ? STATE(it)->remove(STATE(it)->context, KEY(key), revision, ended, op, &op->ref)
                         : JF_E_FAULT;
    if (status != JF_OK) not_begun(op, done, user, status, "too much is under way");
}

void vault_first(struct oauth *it, const struct vault_key *prefix, vault_done_fn done, void *user) {
    struct vault_op *op = op_new(it, FIRST, prefix, done, user);
    jf_store_list list = {.size = sizeof(list), .most = 1, .prefix = KEY(prefix)};
    int32_t status =
        op != NULL ? STATE(it)->list(STATE(it)->context, &list, ended, op, &op->ref) : JF_E_FAULT;
    if (status != JF_OK) not_begun(op, done, user, status, "too much is under way");
}

void vault_ignored(void *user, int32_t status, const struct vault_answer *answer) {
    (void)user;
    (void)status;
    (void)answer;
}

void vault_halt(struct oauth *it) {
    it->closed = true;
    while (it->stored != NULL) {
        struct vault_op *op = it->stored;
        if (op->ref != 0) STATE(it)->abandon(STATE(it)->context, op->ref);
        op_end(op);
    }
}

/* ---- Plain records ---- */

void pack_number(struct au_text *out, uint64_t number) {
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    au_put(out, (jf_view){bytes, sizeof(bytes)});
}

void pack_text(struct au_text *out, jf_view text) {
    pack_number(out, text.len);
    au_put(out, text);
}

uint64_t unpack_number(jf_view *in) {
    uint64_t number = 0;
    if (in->ptr == NULL || in->len < 8) {
        *in = (jf_view){0};
        return 0;
    }
    for (size_t i = 0; i < 8; i++)
        number |= (uint64_t)in->ptr[i] << (8 * i);
    *in = (jf_view){in->ptr + 8, in->len - 8};
    return number;
}

jf_view unpack_text(jf_view *in) {
    uint64_t length = unpack_number(in);
    if (in->ptr == NULL || length > in->len) {
        *in = (jf_view){0};
        return (jf_view){0};
    }
    jf_view text = {in->ptr, length};
    *in = (jf_view){in->ptr + length, in->len - length};
    return text;
}
