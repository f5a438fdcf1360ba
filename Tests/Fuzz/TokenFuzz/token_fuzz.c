/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target for auth-jwt: only tokens that were signed come in, and what comes in is a principal. */
#include "base64.h"
#include "jf_mock.h"
#include "jwks.h"

#include <dlfcn.h>
#include <jackfield/auth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition, ...)                                                                                 \
    do {                                                                                                     \
        if (condition) break;                                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                 \
        abort();                                                                                             \
    } while (0)

/* The only token that this key has signed; nobody has its other half any more. */
#define KEY                                                                                                  \
    "{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"-qUuuiWPUSnhhck2tk4LCfiqCSbI5z-"             \
    "TdyeKPjGvZ3s\"}"
static const char seed[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJzZWVkIiw"
    "iYXVkIjoiaHR0cHM6Ly9tY3AuZXhhbXBsZS9tY3AiLCJleHAiOjQxMDI0NDQ4MDB9.9ccBfWvny85uulXYaH7grVLk"
    "tvrpT_qIyacogzhnJJdjsHO-4Uf-Y3wzBhW5mIt6p9AjzB9Tq6TBzWegPZH_CQ";

#define SECRET "a secret of the harness, 32 bytes and more"
#define MAPPING                                                                                              \
    ",\"tenant\":[\"org.id\",\"tid\"],\"roles\":[\"realm_access.roles\",\"/a~1b/"                            \
    "0\"],\"attributes\":[\"email\",\"x.y\"]"

static jf_mock *mock;
static const jf_auth_1 *auth;
static jf_ref op; /**< of all requests: none of them waits */
static jf_ref signed_by_key, signed_by_secret, mapped;
static uint8_t *(*hmac)(const void *, const void *, int, const uint8_t *, size_t, uint8_t *, unsigned *);
static const void *sha256;

static jf_ref attach(const char *config) {
    jf_ref handle = 0;
    jf_fault *why = jf_mock_fault(mock);
    MUST(auth->attach(jf_mock_self(mock), jf_mock_view("fuzz"), jf_mock_view(config), &handle, why) == JF_OK,
         "%s", jf_mock_why(mock));
    return handle;
}

/** The instance is made once: it keeps nothing from one token to the next. */
static void set_up(void) {
    if (auth != NULL) return;
    mock = jf_mock_new();
    MUST(jf_mock_attach(mock, jf_entry_1) == JF_OK && jf_mock_create(mock, "{}") == JF_OK, "no instance: %s",
         jf_mock_why(mock));
    auth = jf_mock_facet(mock, JF_AUTH_1);
    MUST(JF_HAS(auth, identify), "no jf.auth/1");
    op = jf_mock_begin(mock);
    signed_by_key = attach("{\"issuer\":\"https://id.example\",\"jwks\":{\"keys\":[" KEY "]}}");
    signed_by_secret = attach("{\"issuer\":\"https://id.example\",\"secret\":\"" SECRET "\"}");
    mapped = attach("{\"issuer\":\"https://id.example\",\"secret\":\"" SECRET "\"" MAPPING "}");
    void *library = dlopen("libcrypto.so.3", RTLD_NOW);
    const void *(*find)(const char *);
    *(void **)&hmac = dlsym(library, "HMAC");
    *(void **)&find = dlsym(library, "EVP_get_digestbyname");
    sha256 = find("SHA256");
}

/** Shows an Authorization header, from memory that ends with it. The principal, to be freed, or NULL. */
static char *shows(jf_ref handle, jf_view header) {
    uint8_t *exact = malloc(header.len + 1);
    MUST(exact != NULL, "no memory");
    memcpy(exact, header.ptr, header.len);
    memmove(exact + 1, exact, header.len);
    jf_pair field = {jf_mock_view("authorization"), {exact + 1, header.len}};
    jf_credentials request = {.size = sizeof request,
                              .resource = jf_mock_view("https://mcp.example/mcp"),
                              .fields = &field,
                              .field_count = 1,
                              .now_ms = 1800000000000u};
    jf_blob principal = {0};
    int32_t status =
        auth->identify(jf_mock_self(mock), op, handle, &request, &principal, jf_mock_fault(mock));
    MUST(status == JF_OK || status == JF_ABSENT || status == JF_E_DENIED, "status %d: %s", (int)status,
         jf_mock_why(mock));
    MUST((status == JF_OK) == (principal.ptr != NULL), "status %d with such a principal", (int)status);
    free(exact);
    return status == JF_OK ? jf_mock_take(&principal) : NULL;
}

static char *shows_token(jf_ref handle, jf_view token) {
    uint8_t *header = malloc(token.len + 8);
    MUST(header != NULL, "no memory");
    memcpy(header, "Bearer ", 7);
    memcpy(header + 7, token.ptr, token.len);
    char *principal = shows(handle, (jf_view){header, token.len + 7});
    free(header);
    return principal;
}

/** What came in is a principal: JSON with a subject, lists of texts, an object, a time to come. */
static void check(const char *text) {
    jf_json_value root, value, key, element;
    MUST(jf_json_read(jf_mock_view(text), &root) && root.kind == JF_JSON_OBJECT && au_json_strict(&root),
         "%s", text);
    static const char *const texts[] = {"/subject", "/issuer", "/tenant", "/credential"}, *const lists[] = {
                                                                                              "/roles",
                                                                                              "/scopes"};
    for (int i = 0; i < 4; i++) {
        bool there = jf_json_find(&root, jf_mock_view(texts[i]), &value) == JF_OK;
        MUST(there || i > 1, "no %s in %s", texts[i], text);
        MUST(!there || (value.kind == JF_JSON_STRING && value.len != 0), "%s: %s", texts[i], text);
    }
    for (int i = 0; i < 2; i++) {
        if (jf_json_find(&root, jf_mock_view(lists[i]), &value) != JF_OK) continue;
        MUST(value.kind == JF_JSON_ARRAY, "%s: %s", lists[i], text);
        jf_json_walk walk = jf_json_walk_of(&value);
        while (jf_json_next(&walk, &key, &element) == 1)
            MUST(element.kind == JF_JSON_STRING && element.len != 0, "%s: %s", lists[i], text);
    }
    MUST(jf_json_find(&root, jf_mock_view("/attributes"), &value) == JF_OK && value.kind == JF_JSON_OBJECT,
         "%s", text);
    int64_t expires = 0;
    MUST(jf_json_find(&root, jf_mock_view("/expires_ms"), &value) == JF_OK &&
             jf_json_int64(&value, &expires) && expires > 1799999940000 && expires < 253402300860000,
         "%s", text);
}

/** What must come in does, or all else would mean nothing. */
static void check_harness(void) {
    static bool checked;
    if (checked) return;
    checked = true;
    char *principal = shows_token(signed_by_key, jf_mock_view(seed));
    MUST(principal != NULL, "the seed does not come in: %s", jf_mock_why(mock));
    free(principal);
}

/** A token as text: only the seed comes in. */
static void open_text(jf_view token) {
    char *principal = shows_token(signed_by_key, token);
    if (principal == NULL) return;
    MUST(token.len == sizeof seed - 1 && memcmp(token.ptr, seed, token.len) == 0, "a forged token came in");
    check(principal);
    free(principal);
}

/** Header and claims, a line each, signed here: what is in them reaches all that is behind the signature. */
static void open_signed(jf_view lines) {
    const uint8_t *line = memchr(lines.ptr, '\n', lines.len);
    if (line == NULL || lines.len > 8000) return;
    size_t first = (size_t)(line - lines.ptr), second = lines.len - first - 1, at;
    uint8_t *token = malloc(lines.len * 2 + 100), hash[64];
    unsigned length = 0;
    MUST(token != NULL, "no memory");
    base64_encode(lines.ptr, first, token);
    at = base64_length(first);
    token[at++] = '.';
    base64_encode(line + 1, second, token + at);
    at += base64_length(second);
    hmac(sha256, SECRET, (int)strlen(SECRET), token, at, hash, &length);
    token[at++] = '.';
    base64_encode(hash, length, token + at);
    at += base64_length(length);
    for (int i = 0; i < 2; i++) {
        char *principal = shows_token(i == 0 ? signed_by_secret : mapped, (jf_view){token, at});
        if (principal == NULL) continue;
        check(principal);
        free(principal);
        token[at - 1] = token[at - 1] == 'A' ? 'Q' : 'A';
        MUST(shows_token(signed_by_secret, (jf_view){token, at}) == NULL,
             "it comes in with another signature");
        token[at - 1] = 0;
        break;
    }
    free(token);
}

/** A key set: what is taken of it are keys. */
static void read_keys(jf_view json) {
    struct jwks keys;
    if (jwks_read(json, &keys)) {
        MUST(keys.count > 0 && keys.count <= KEYS_MOST, "%u keys", keys.count);
        for (uint32_t i = 0; i < keys.count; i++)
            MUST(keys.of[i].kind >= KEY_RSA && keys.of[i].kind <= KEY_ED25519 &&
                     (keys.of[i].kind != KEY_RSA || keys.of[i].size >= 256),
                 "a key that is none");
    }
    jwks_end(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    set_up();
    check_harness();
    jf_view rest = {data + 1, size - 1};
    if (data[0] == 'A') free(shows(signed_by_key, rest));
    if (data[0] == 'T') open_text(rest);
    if (data[0] == 'S') open_signed(rest);
    if (data[0] == 'K') read_keys(rest);
    return 0;
}
