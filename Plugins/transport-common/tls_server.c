/* SPDX-License-Identifier: Apache-2.0
 * TLS of a listener: its option, its certificates and their renewal. */
#include "tls_server.h"
#include "instance.h"
#include "settings.h"
#include "tls_tickets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t look_every = 2000000000u;
static const char *const names[TLS_FILES] = {"certificate", "key", "client_ca"};

/** A key under a pass phrase: OpenSSL would ask at the terminal. */
static int no_pass_phrase(char *text, int room, int writing, void *user) {
    (void)text, (void)room, (void)writing, (void)user;
    return 0;
}

/** RFC 7301: HTTP/1.1 is all there is. A client that wants only other protocols is told so. */
static int choose_protocol(void *ssl, const uint8_t **chosen, uint8_t *length, const uint8_t *offered,
                           unsigned size, void *user) {
    (void)ssl, (void)user;
    for (unsigned at = 0; at < size; at += 1u + offered[at]) {
        if (offered[at] != 8 || size - at < 9 || memcmp(offered + at + 1, "http/1.1", 8) != 0) continue;
        *chosen = offered + at + 1;
        *length = 8;
        return TLSEXT_OK;
    }
    return TLSEXT_FATAL;
}

/** Every name is served alike; accepted, it is remembered with a resumed session. */
static int accept_name(void *ssl, int *alert, void *user) {
    (void)ssl, (void)alert, (void)user;
    return TLSEXT_OK;
}

/** The state of the files now; zero where there is none. */
static void look(const struct tls_server *s, struct stat seen[TLS_FILES]) {
    memset(seen, 0, TLS_FILES * sizeof(*seen));
    for (uint32_t i = 0; i < TLS_FILES; i++)
        if (s->paths[i] != NULL && stat(s->paths[i], &seen[i]) != 0) seen[i] = (struct stat){0};
}

static bool same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/** Says what is wrong with a file. OpenSSL's words say what it expected, never what it found. */
static int32_t bad_file(const struct tls_server *s, uint32_t file, const char *rule, jf_fault *why) {
    unsigned long code = s->api.ERR_get_error();
    const char *reason = code == 0 ? NULL : s->api.ERR_reason_error_string(code);
    s->api.ERR_clear_error();
    return jf_fault_set(why, JF_E_INVALID, 0, "tls.%s: %s cannot be used: %s; %s", names[file],
                        s->paths[file], reason != NULL ? reason : "OpenSSL does not say why", rule);
}

static int32_t readable(const struct tls_server *s, uint32_t file, jf_fault *why) {
    struct stat what;
    // Not waiting, should it be a pipe.
    int fd = open(s->paths[file], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    bool regular = fd >= 0 && fstat(fd, &what) == 0 && S_ISREG(what.st_mode);
    if (fd >= 0) close(fd);
    if (regular) return JF_OK;
    return jf_fault_set(why, JF_E_INVALID, 0, "tls.%s: cannot read %s: %s", names[file], s->paths[file],
                        error != 0 ? strerrordesc_np(error) : "it is no regular file");
}

static int32_t load_files(const struct tls_server *s, void *context, jf_fault *why) {
    const struct openssl *api = &s->api;
    for (uint32_t i = 0; i < TLS_FILES; i++)
        if (s->paths[i] != NULL && readable(s, i, why) != JF_OK) return why->code;
    api->ERR_clear_error();
    if (api->SSL_CTX_use_certificate_chain_file(context, s->paths[TLS_CERTIFICATE]) != 1)
        return bad_file(s, TLS_CERTIFICATE, "it must be PEM, the server's certificate first", why);
    if (api->SSL_CTX_use_PrivateKey_file(context, s->paths[TLS_KEY], FILETYPE_PEM) != 1 ||
        api->SSL_CTX_check_private_key(context) != 1)
        return bad_file(s, TLS_KEY, "it must be the certificate's private key, PEM, without a pass phrase",
                        why);
    if (s->paths[TLS_CLIENT_CA] == NULL) return JF_OK;
    void *authorities = api->SSL_load_client_CA_file(s->paths[TLS_CLIENT_CA]);
    if (authorities == NULL || api->SSL_CTX_load_verify_file(context, s->paths[TLS_CLIENT_CA]) != 1)
        return bad_file(s, TLS_CLIENT_CA, "it must be PEM certificates", why);
    api->SSL_CTX_set_client_CA_list(context, authorities);
    return JF_OK;
}

/** Stands for the certificate that clients of this listener have seen: a session of another one, which has
 * the same keys for its tickets, is not resumed here. FNV-1a. */
static uint64_t server_mark(const struct tls_server *s) {
    uint64_t mark = 0xcbf29ce484222325u;
    for (const char *at = s->paths[TLS_CERTIFICATE]; *at != 0; at++)
        mark = (mark ^ (uint8_t)*at) * 0x100000001b3u;
    return mark;
}

/** What does not come from files. False: the library cannot do it. */
static bool prepare(const struct tls_server *s, void *context) {
    const struct openssl *api = &s->api;
    uint64_t options = OPTION_NO_COMPRESSION | OPTION_NO_RENEGOTIATION | OPTION_SERVER_PREFERENCE;
    bool tickets = s->verify == VERIFY_NONE;
    // A resumed session would outlive its client's certificate: who has to show one does so each time.
    if (!tickets) options |= OPTION_NO_TICKET;
    api->SSL_CTX_set_options(context, options);
    api->SSL_CTX_ctrl(context, CTRL_MODE, MODE_RELEASE_BUFFERS, NULL);
    api->SSL_CTX_ctrl(context, CTRL_SET_SESS_CACHE_MODE, SESS_CACHE_OFF, NULL);
    api->SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    api->SSL_CTX_set_verify(context, s->verify, NULL);
    api->SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    int (*name)(void *, int *, void *) = accept_name;
    void (*callback)(void);
    memcpy(&callback, &name, sizeof(callback));
    api->SSL_CTX_callback_ctrl(context, CTRL_SET_TLSEXT_SERVERNAME_CB, callback);
    // TLS 1.2 with forward secrecy and authenticated encryption only (RFC 9325 section 4.2).
    uint64_t place = server_mark(s);
    if (tickets && !tls_tickets_use(api, context)) return false;
    api->SSL_CTX_set_timeout(context, TICKET_SECONDS);
    return api->SSL_CTX_ctrl(context, CTRL_SET_MIN_PROTO_VERSION, s->least, NULL) == 1 &&
           api->SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           api->SSL_CTX_set_session_id_context(context, (const uint8_t *)&place, sizeof(place)) == 1 &&
           api->SSL_CTX_set_num_tickets(context, tickets ? 2 : 0) == 1;
}

/** Makes a context of the files as they are; the one in use stays until that has worked. */
static int32_t read_files(struct tls_server *s, jf_fault *why) {
    const struct openssl *api = &s->api;
    void *context = api->SSL_CTX_new(api->TLS_server_method());
    if (context == NULL || !prepare(s, context)) {
        if (context != NULL) api->SSL_CTX_free(context);
        api->ERR_clear_error();
        return jf_fault_set(why, JF_E_FAULT, 0, "OpenSSL cannot make a context for TLS");
    }
    int32_t status = load_files(s, context, why);
    api->ERR_clear_error();
    if (status == JF_OK && s->context != NULL) api->SSL_CTX_free(s->context);
    if (status == JF_OK)
        s->context = context;
    else
        api->SSL_CTX_free(context);
    return status;
}

void tls_server_renew(struct tls_server *s) {
    jf_self *self = s->self;
    struct stat seen[TLS_FILES];
    if (!s->renew || self->now < s->checked + look_every) return;
    s->checked = self->now;
    look(s, seen);
    bool changed = false;
    for (uint32_t i = 0; i < TLS_FILES; i++)
        changed = changed || !same(&seen[i], &s->seen[i]);
    if (!changed) return;
    memcpy(s->seen, seen, sizeof(seen));
    jf_fault why = {.size = sizeof(why)};
    if (read_files(s, &why) == JF_OK)
        self_log(self, JF_LOG_INFO, "%s has changed and was read again", s->paths[TLS_CERTIFICATE]);
    else
        self_log(self, JF_LOG_WARNING, "%.*s; the certificate that was read before stays in use",
                 (int)why.text_len, why.text);
}

/* ---- The option ---- */

static bool find(jf_self *self, jf_view config, const char *pointer, jf_view *value) {
    uint32_t kind = 0;
    return config.len != 0 && self->config.find(self->config.context, config,
                                                view_make(pointer, strlen(pointer)), value, &kind) == JF_OK;
}

/** How client certificates are treated; -1: not a word for it. */
static int verification(const char *text, bool authorities) {
    if (text == NULL) return authorities ? VERIFY_PEER : VERIFY_NONE;
    if (strcmp(text, "none") == 0) return VERIFY_NONE;
    if (strcmp(text, "optional") == 0) return VERIFY_PEER;
    return strcmp(text, "required") == 0 ? VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT : -1;
}

static int32_t configure(struct tls_server *s, jf_view config, jf_fault *why) {
    jf_self *self = s->self;
    jf_view version = {0};
    s->paths[TLS_CERTIFICATE] = setting_text(self, config, "/tls/certificate");
    s->paths[TLS_KEY] = setting_text(self, config, "/tls/key");
    s->paths[TLS_CLIENT_CA] = setting_text(self, config, "/tls/client_ca");
    if (s->paths[TLS_CERTIFICATE] == NULL || s->paths[TLS_KEY] == NULL)
        return jf_fault_set(why, JF_E_INVALID, 0, "tls needs the paths of a certificate and of its key");
    char *text = setting_text(self, config, "/tls/client_certificates");
    s->verify = verification(text, s->paths[TLS_CLIENT_CA] != NULL);
    self_release(self, text);
    if (s->verify < 0)
        return jf_fault_set(why, JF_E_INVALID, 0, "tls.client_certificates is none, optional or required");
    if (s->verify != VERIFY_NONE && s->paths[TLS_CLIENT_CA] == NULL)
        return jf_fault_set(why, JF_E_INVALID, 0,
                            "tls.client_certificates needs tls.client_ca: whose certificates are trusted");
    if (s->verify == VERIFY_NONE) {
        // Nobody is asked for a certificate, so nobody's authority matters.
        self_release(self, s->paths[TLS_CLIENT_CA]);
        s->paths[TLS_CLIENT_CA] = NULL;
    }
    // YAML reads 1.3 without quotes as a number.
    bool newest = find(self, config, "/tls/min_version", &version) &&
                  memmem(version.ptr, version.len, "1.3", 3) != NULL;
    s->least = newest ? TLS1_3 : TLS1_2;
    text = setting_text(self, config, "/tls/reload");
    s->renew = text == NULL || strcmp(text, "never") != 0;
    self_release(self, text);
    return JF_OK;
}

int32_t tls_server_open(jf_self *self, jf_view config, struct tls_server **out, jf_fault *why) {
    jf_view value;
    const char *missing = NULL;
    *out = NULL;
    if (!find(self, config, "/tls", &value)) return JF_OK;
    struct tls_server *s = self_allocate(self, sizeof(*s));
    if (s == NULL) return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for TLS");
    s->self = self;
    int32_t status = configure(s, config, why);
    if (status == JF_OK && !openssl_load(&s->api, &missing))
        status = jf_fault_set(why, JF_E_UNSUPPORTED, 0,
                              "tls needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    s->checked = self_tick(self);
    if (status == JF_OK) {
        look(s, s->seen);
        status = read_files(s, why);
    }
    if (status == JF_OK)
        *out = s;
    else
        tls_server_close(s);
    return status;
}

void tls_server_close(struct tls_server *s) {
    if (s == NULL) return;
    if (s->context != NULL) s->api.SSL_CTX_free(s->context);
    for (uint32_t i = 0; i < TLS_FILES; i++)
        self_release(s->self, s->paths[i]);
    self_release(s->self, s);
}
