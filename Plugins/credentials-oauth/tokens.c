/* SPDX-License-Identifier: Apache-2.0
 * What token endpoints answer (RFC 6749 sections 5.1 and 5.2). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "oauth.h"
#include "text.h"

#include <stdlib.h>

void tokens_end(struct tokens *tokens) {
    au_text_end(&tokens->access);
    au_text_end(&tokens->refresh);
    au_text_end(&tokens->id);
    au_text_end(&tokens->scope);
}

enum { MARGIN_MS = 30000 };

/** False: it is there, and no text of use. */
static bool take(const jf_json_value *root, const char *name, struct au_text *out) {
    struct au_arena memory = {0};
    jf_json_value value;
    if (!au_member(root, name, &value) || value.kind == JF_JSON_NULL) return true;
    jf_view text = member_text(&memory, root, name);
    bool ok = text.ptr != NULL && text.len <= TOKEN_MOST;
    if (ok) au_put(out, text);
    au_arena_end(&memory);
    return ok && !out->failed;
}

/** An error's code, if it is one that a log can show. */
static jf_view code_of(const jf_json_value *root, struct au_arena *memory) {
    jf_view code = member_text(memory, root, "error");
    for (uint64_t i = 0; i < code.len; i++)
        if (!((code.ptr[i] >= 'a' && code.ptr[i] <= 'z') || code.ptr[i] == '_')) return (jf_view){0};
    return code.len < 64 ? code : (jf_view){0};
}

/** A length of time, at most a year; 0: none of use. */
static int64_t seconds_of(const jf_json_value *root, const char *name) {
    jf_json_value value;
    int64_t seconds = 0;
    double real = 0;
    if (!au_member(root, name, &value)) return 0;
    if (!jf_json_int64(&value, &seconds) && jf_json_real(&value, &real) && real > 0 && real < 1e9)
        seconds = (int64_t)real;
    return seconds < 0 ? 0 : seconds > 31536000 ? 31536000 : seconds;
}

const char *tokens_read(const jf_http_response *response, bool id_jag, uint64_t now_ms, struct tokens *out,
                        char *room, size_t size, enum refusal *refusal) {
    jf_json_value root, value;
    struct au_arena memory = {0};
    struct au_text type = {0};
    bool object = read_object(response, &root);
    *refusal = REFUSED_OTHER;
    if (response->status < 0) {
        snprintf(room, size, "the token endpoint could not be asked");
        return room;
    }
    if (response->status != 200) {
        jf_view code = object ? code_of(&root, &memory) : (jf_view){0};
        if (au_same(code, AU_LITERAL("invalid_grant"))) *refusal = REFUSED_GRANT;
        if (au_same(code, AU_LITERAL("invalid_client"))) *refusal = REFUSED_CLIENT;
        snprintf(room, size, "the token endpoint answered %d %.*s", (int)response->status, (int)code.len,
                 code.len != 0 ? (const char *)code.ptr : "");
        au_arena_end(&memory);
        return room;
    }
    if (!object) return "the token endpoint answered no JSON object of use";
    const char *wrong = NULL;
    if (!take(&root, "access_token", &out->access) || !take(&root, "refresh_token", &out->refresh) ||
        !take(&root, "id_token", &out->id) || !take(&root, "scope", &out->scope) ||
        !take(&root, "token_type", &type))
        wrong = "the token endpoint answered members of the wrong kind";
    else if (!is_visible(VIEW(out->access)))
        wrong = "the token endpoint answered no access token of use";
    else if (!id_jag && type.len != 0 && !view_is_nocase(VIEW(type), "bearer"))
        wrong = "the token endpoint answered a token that is no bearer token";
    else if (au_member(&root, "issued_token_type", &value) && id_jag &&
             !jf_json_is(&value, AU_LITERAL("urn:ietf:params:oauth:token-type:id-jag")))
        wrong = "the identity provider answered another token than an ID-JAG";
    int64_t seconds = seconds_of(&root, "expires_in");
    // A little earlier, so that none ends on its way.
    uint64_t life = (uint64_t)seconds * 1000u, margin = life / 10 < MARGIN_MS ? life / 10 : MARGIN_MS;
    out->expires_ms = seconds != 0 ? now_ms + life - margin : 0;
    // No standard has these; several authorization servers answer one of them.
    seconds = seconds_of(&root, "refresh_token_expires_in");
    if (seconds == 0) seconds = seconds_of(&root, "refresh_expires_in");
    out->refresh_until_ms = seconds != 0 ? now_ms + (uint64_t)seconds * 1000u : 0;
    au_text_end(&type);
    return wrong;
}
