/* SPDX-License-Identifier: Apache-2.0
 * Who is in the browser: the ID token of the login. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pages.h"
#include "strict.h"
#include "text.h"

const char *login_wrong(struct oauth *it, struct connecting *who, jf_view token) {
    jf_view rest = {0}, claims;
    struct au_text text = {0};
    struct au_arena memory = {0};
    jf_json_value root, value, key, element;
    int64_t until = 0;
    bool aimed = false;
    const char *wrong = "The login's answer has no ID token of use.";
    view_until(token, '.', &rest);
    claims = view_until(rest, '.', &rest);
    if (rest.len != 0 && get_base64url(claims, &text) && jf_json_read(VIEW(text), &root) &&
        root.kind == JF_JSON_OBJECT && au_json_strict(&root)) {
        jf_view issuer = member_text(&memory, &root, "iss"), nonce = member_text(&memory, &root, "nonce"),
                subject = member_text(&memory, &root, "sub");
        if (au_member(&root, "aud", &value) && value.kind == JF_JSON_STRING)
            aimed = jf_json_is(&value, it->login.id);
        if (au_member(&root, "aud", &value) && value.kind == JF_JSON_ARRAY) {
            jf_json_walk walk = jf_json_walk_of(&value);
            while (jf_json_next(&walk, &key, &element) == 1)
                aimed |= element.kind == JF_JSON_STRING && jf_json_is(&element, it->login.id);
        }
        bool lives = au_member(&root, "exp", &value) && jf_json_int64(&value, &until) && until > 0 &&
                     (uint64_t)until * 1000u + 60000u > wall_ms(it);
        if (!au_same(issuer, it->login_issuer) || !aimed || !lives || !au_same(nonce, view_of(who->nonce)))
            wrong = "The login's answer is not for this page.";
        else if (who->leaves) {
            // Nobody asked for this page but the browser's user.
            who->subject = au_take_text(&who->keep, subject);
            who->issuer = au_take_text(&who->keep, issuer);
            wrong = subject.len != 0 && !who->keep.failed ? NULL : wrong;
        } else if (!au_same(subject, who->subject) || !au_same(issuer, who->issuer))
            wrong =
                "You signed in as another user than the one whose assistant asked. Nothing was connected.";
        else
            wrong = NULL;
    }
    au_text_end(&text);
    au_arena_end(&memory);
    return wrong;
}
