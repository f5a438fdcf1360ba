/* SPDX-License-Identifier: Apache-2.0
 * TLS towards servers. */
#include "tls.h"
#include "instance.h"
#include "openssl.h"
#include "uri.h"

#include <errno.h>
#include <stdio.h>

struct tls_context {
    struct openssl api;
    void *context;
    bool verify;
    jf_self *self;
};

struct tls {
    struct tls_context *context;
    void *ssl;
    void *in;  /**< what came from the socket; owned by `ssl` */
    void *out; /**< what goes to the socket; owned by `ssl` */
    int fd;
    char error[160];
};

static int32_t refuse(struct tls_context *c, jf_fault *why, const char *name, const char *what) {
    if (c->context != NULL) c->api.SSL_CTX_free(c->context);
    self_release(c->self, c);
    return jf_fault_set(why, JF_E_FAULT, 0, "no TLS for server \"%s\": %s", name, what);
}

struct tls_context *tls_context_open(jf_self *self, bool verify, const char *ca_file, const char *name,
                                     jf_fault *why) {
    const char *missing = NULL;
    struct tls_context *c = self_allocate(self, sizeof(*c));
    if (c == NULL) {
        jf_fault_set(why, JF_E_FAULT, 0, "out of memory for TLS to server \"%s\"", name);
        return NULL;
    }
    c->self = self;
    c->verify = verify;
    if (!openssl_load(&c->api, &missing)) {
        self_release(self, c);
        jf_fault_set(why, JF_E_UNSUPPORTED, 0,
                     "https for server \"%s\" needs OpenSSL 3 (%s not found): install the package libssl3",
                     name, missing);
        return NULL;
    }
    const struct openssl *api = &c->api;
    c->context = api->SSL_CTX_new(api->TLS_client_method());
    if (c->context == NULL) {
        refuse(c, why, name, "OpenSSL could not make a context");
        return NULL;
    }
    api->SSL_CTX_ctrl(c->context, CTRL_SET_MIN_PROTO_VERSION, TLS1_2, NULL);
    api->SSL_CTX_ctrl(c->context, CTRL_MODE,
                      MODE_ENABLE_PARTIAL_WRITE | MODE_ACCEPT_MOVING_WRITE_BUFFER | MODE_RELEASE_BUFFERS,
                      NULL);
    api->SSL_CTX_set_verify(c->context, verify ? VERIFY_PEER : VERIFY_NONE, NULL);
    api->SSL_CTX_set_alpn_protos(c->context, (const uint8_t *)"\x08http/1.1", 9);
    int trusted = 1;
    if (ca_file != NULL)
        trusted = api->SSL_CTX_load_verify_file(c->context, ca_file);
    else if (verify)
        trusted = api->SSL_CTX_set_default_verify_paths(c->context);
    api->ERR_clear_error();
    if (trusted == 1) return c;
    refuse(c, why, name,
           ca_file != NULL ? "ca_file cannot be read as PEM certificates"
                           : "the system's certificates cannot be read");
    return NULL;
}

void tls_context_close(jf_self *self, struct tls_context *c) {
    c->api.SSL_CTX_free(c->context);
    self_release(self, c);
}

struct tls *tls_open(struct tls_context *c, const char *host, int fd) {
    const struct openssl *api = &c->api;
    struct tls *t = self_allocate(c->self, sizeof(*t));
    if (t == NULL) return NULL;
    t->context = c;
    t->fd = fd;
    t->ssl = api->SSL_new(c->context);
    t->in = api->BIO_new(api->BIO_s_mem());
    t->out = api->BIO_new(api->BIO_s_mem());
    if (t->ssl == NULL || t->in == NULL || t->out == NULL) {
        // Out of memory in OpenSSL: what little it made is left behind.
        self_release(c->self, t);
        return NULL;
    }
    api->SSL_set_bio(t->ssl, t->in, t->out);
    api->SSL_set_connect_state(t->ssl);
    struct endpoint literal;
    if (endpoint_literal(view_make(host, strlen(host)), 1, &literal) && strcmp(host, "localhost") != 0) {
        // RFC 6066 section 3: no address in SNI; its certificate names it in another field.
        api->X509_VERIFY_PARAM_set1_ip_asc(api->SSL_get0_param(t->ssl), host);
    } else {
        api->SSL_ctrl(t->ssl, CTRL_SET_TLSEXT_HOSTNAME, 0, (void *)(uintptr_t)host);
        api->SSL_set1_host(t->ssl, host);
    }
    return t;
}

/** Sends what OpenSSL has ready. 1: all; 0: the socket takes no more; -1: broken (errno). */
static int push(struct tls *t) {
    const struct openssl *api = &t->context->api;
    for (;;) {
        uint8_t *bytes = NULL, waste[1024];
        long size = api->BIO_ctrl(t->out, BIO_CTRL_MEM_DATA, 0, &bytes);
        if (size <= 0) return 1;
        ssize_t done = send(t->fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno == EAGAIN ? 0 : -1;
        while (done > 0) {
            int part =
                api->BIO_read(t->out, waste, done > (ssize_t)sizeof(waste) ? (int)sizeof(waste) : (int)done);
            if (part <= 0) break;
            done -= part;
        }
    }
}

/** Takes what the socket has. 1: something; 0: it ended; -1: errno. */
static int pull(struct tls *t) {
    uint8_t bytes[RECORD];
    ssize_t got;
    do
        got = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return (int)got;
    return t->context->api.BIO_write(t->in, bytes, (int)got) == (int)got ? 1 : (errno = ENOMEM, -1);
}

static void explain(struct tls *t) {
    const struct openssl *api = &t->context->api;
    long verified = api->SSL_get_verify_result(t->ssl);
    unsigned long code = api->ERR_get_error();
    const char *reason = code == 0 ? NULL : api->ERR_reason_error_string(code);
    if (t->context->verify && verified != 0)
        snprintf(t->error, sizeof(t->error), "its certificate is not accepted: %s",
                 api->X509_verify_cert_error_string(verified));
    else
        snprintf(t->error, sizeof(t->error), "%s", reason != NULL ? reason : "the peer ended the handshake");
    api->ERR_clear_error();
}

int tls_handshake(struct tls *t) {
    const struct openssl *api = &t->context->api;
    for (;;) {
        api->ERR_clear_error();
        int done = api->SSL_do_handshake(t->ssl);
        int error = done == 1 ? 0 : api->SSL_get_error(t->ssl, done);
        if (error != 0 && error != ERROR_WANT_READ) {
            explain(t);
            push(t);
            return -1;
        }
        int pushed = push(t);
        if (pushed > 0 && done == 1) return 1;
        if (pushed == 0) return 0;
        int pulled = pushed < 0 ? -1 : pull(t);
        if (pulled > 0) continue;
        if (pulled < 0 && pushed > 0 && errno == EAGAIN) return 0;
        snprintf(t->error, sizeof(t->error),
                 "the connection ended during the handshake; is this an https port?");
        return -1;
    }
}

void tls_error(const struct tls *t, char *out, size_t room) {
    snprintf(out, room, "%s", t->error);
}

int tls_flush(struct tls *t) {
    return push(t);
}

ssize_t tls_read(struct tls *t, void *to, size_t size) {
    const struct openssl *api = &t->context->api;
    for (;;) {
        api->ERR_clear_error();
        int got = api->SSL_read(t->ssl, to, size > (1 << 30) ? 1 << 30 : (int)size);
        if (got > 0) return got;
        int error = api->SSL_get_error(t->ssl, got);
        if (error == ERROR_ZERO_RETURN) return 0;
        if (error != ERROR_WANT_READ) {
            errno = EPROTO;
            return -1;
        }
        if (push(t) < 0) return -1;
        int pulled = pull(t);
        if (pulled < 0) return -1;
        if (pulled == 0) {
            // Without the peer's goodbye nobody knows whether something is missing.
            errno = ECONNRESET;
            return -1;
        }
    }
}

ssize_t tls_write(struct tls *t, const struct iovec *parts, uint32_t count) {
    const struct openssl *api = &t->context->api;
    ssize_t total = 0;
    int pushed = push(t);
    for (uint32_t i = 0; i < count && pushed > 0; i++) {
        size_t at = 0;
        while (at < parts[i].iov_len && pushed > 0) {
            size_t left = parts[i].iov_len - at;
            api->ERR_clear_error();
            int done = api->SSL_write(t->ssl, (const uint8_t *)parts[i].iov_base + at,
                                      left > RECORD ? RECORD : (int)left);
            if (done <= 0) {
                errno = EPROTO;
                return total != 0 ? total : -1;
            }
            at += (size_t)done;
            total += done;
            pushed = push(t);
        }
    }
    if (pushed < 0 && total == 0) return -1;
    if (total == 0) {
        errno = EAGAIN;
        return -1;
    }
    return total;
}

void tls_close(struct tls *t) {
    const struct openssl *api = &t->context->api;
    api->ERR_clear_error();
    if (api->SSL_shutdown(t->ssl) >= 0) push(t);
    api->ERR_clear_error();
    api->SSL_free(t->ssl);
    self_release(t->context->self, t);
}
