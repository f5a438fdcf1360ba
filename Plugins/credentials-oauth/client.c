/* SPDX-License-Identifier: Apache-2.0
 * Who we are at an authorization server, and how that is shown (RFC 6749 section 2.3, RFC 7523). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "oauth.h"

void client_open(struct client *client, struct au_options *options, const jf_json_value *in, bool required) {
    static const char *const ways[] = {"auto", "basic", "post", "private_key_jwt", "none", NULL};
    client->id = au_option_text(options, in, "client_id");
    client->secret = au_option_text(options, in, "client_secret");
    client->key_file = (const char *)au_option_text(options, in, "key_file").ptr;
    client->key_id = au_option_text(options, in, "key_id");
    client->auth = (enum client_auth)au_option_word(options, in, "client_auth", ways, 0);
    if (client->auth == AUTH_AUTO && client->key_file != NULL) client->auth = AUTH_KEY;
    if (client->auth == AUTH_AUTO && client->secret.len == 0) client->auth = AUTH_NONE;
    if (required && client->id.len == 0)
        au_option_wrong(options,
                        "client_id is missing: this grant needs a client that was registered before");
    if (required && client->auth == AUTH_NONE)
        au_option_wrong(options, "client_secret or key_file is missing: this grant needs a client that shows "
                                 "who it is; ${env:NAME} and ${file:PATH} keep secrets apart");
    if ((client->auth == AUTH_BASIC || client->auth == AUTH_POST) && client->secret.len == 0)
        au_option_wrong(options, "client_secret is missing for client_auth");
    if (client->auth != AUTH_KEY || options->status != JF_OK) return;
    const char *wrong = client->key_file == NULL ? "it is missing" : key_wrong(client->key_file);
    if (wrong != NULL) au_option_wrong(options, "key_file: %s", wrong);
}

void put_pair(struct au_text *form, const char *name, jf_view value) {
    au_puts(form, "&");
    au_put(form, view_of(name));
    au_puts(form, "=");
    au_put_encoded(form, value);
}

const char *client_show(const struct client *client, const struct metadata *at, uint64_t now_ms,
                        struct au_text *form, struct au_text *authorization) {
    enum client_auth way = client->auth;
    struct au_text text = {0};
    const char *wrong = NULL;
    if (way == AUTH_AUTO) way = at->has_auth && !at->basic && at->post ? AUTH_POST : AUTH_BASIC;
    switch (way) {
    case AUTH_BASIC:
        // RFC 6749 section 2.3.1: both are encoded as in a form first.
        au_put_encoded(&text, client->id);
        au_puts(&text, ":");
        au_put_encoded(&text, client->secret);
        au_puts(authorization, "Basic ");
        put_base64(authorization, VIEW(text));
        break;
    case AUTH_KEY:
        // The issuer, so that nobody else can use it (RFC 7523bis); else the endpoint.
        wrong = put_assertion(&text, client, at->issuer.len != 0 ? at->issuer : at->token, now_ms);
        put_pair(form, "client_assertion_type",
                 AU_LITERAL("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        put_pair(form, "client_assertion", VIEW(text));
        break;
    case AUTH_POST:
        put_pair(form, "client_id", client->id);
        put_pair(form, "client_secret", client->secret);
        break;
    default:
        put_pair(form, "client_id", client->id);
    }
    if (wrong == NULL && (text.failed || form->failed || authorization->failed)) wrong = "out of memory";
    au_text_end(&text);
    return wrong;
}
