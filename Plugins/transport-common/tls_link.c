/* SPDX-License-Identifier: Apache-2.0
 * TLS of one client's connection. */
#include "instance.h"
#include "tls_server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>

/** PULLS: reads of the socket before others get their turn. */
enum { PULLS = 8, UNASKED_MAX = 65536 };

struct tls_link *tls_link_open(struct tls_server *s, int fd) {
    const struct openssl *api = &s->api;
    tls_server_renew(s);
    struct tls_link *l = self_allocate(s->self, sizeof(*l));
    if (l == NULL) return NULL;
    l->server = s;
    l->fd = fd;
    l->ssl = api->SSL_new(s->context);
    l->in = api->BIO_new(api->BIO_s_mem());
    l->out = api->BIO_new(api->BIO_s_mem());
    if (l->ssl == NULL || l->in == NULL || l->out == NULL) {
        // Out of memory in OpenSSL: what little it made is left behind.
        self_release(s->self, l);
        return NULL;
    }
    api->SSL_set_bio(l->ssl, l->in, l->out);
    api->SSL_set_accept_state(l->ssl);
    return l;
}

void tls_link_close(struct tls_link *l) {
    l->server->api.SSL_free(l->ssl);
    l->server->api.ERR_clear_error();
    self_release(l->server->self, l);
}

/** Takes what OpenSSL has ready for the socket: to the socket itself where nothing waits and `now`, else into
 * the queue. False: broken, or out of memory. */
static bool emit(struct tls_link *l, struct outq *out, bool now) {
    const struct openssl *api = &l->server->api;
    uint8_t *bytes = NULL, waste[2048];
    long size = api->BIO_ctrl(l->out, BIO_CTRL_MEM_DATA, 0, &bytes);
    if (size <= 0) return true;
    struct iovec part = {bytes, (size_t)size};
    uint64_t sent = 0;
    bool fine = true;
    if (now && out->head == NULL) {
        ssize_t done = socket_write(l->fd, &part, 1);
        fine = done >= 0 || errno == EAGAIN;
        if (done > 0) sent = (uint64_t)done;
    }
    if (fine) fine = outq_append(l->server->self, out, &part, 1, sent, NULL);
    while (size > 0) {
        int taken = api->BIO_read(l->out, waste, size > (long)sizeof(waste) ? (int)sizeof(waste) : (int)size);
        if (taken <= 0) break;
        size -= taken;
    }
    return fine;
}

/** Takes what the socket has. As recv does. */
static ssize_t pull(struct tls_link *l, bool *plain) {
    uint8_t bytes[RECORD];
    ssize_t got;
    do
        got = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return got;
    // A record of a handshake begins with 22; a method of HTTP is in capital letters.
    *plain = !l->begun && bytes[0] >= 'A' && bytes[0] <= 'Z';
    l->begun = true;
    if (*plain || l->server->api.BIO_write(l->in, bytes, (int)got) == (int)got) return got;
    errno = ENOMEM;
    return -1;
}

/** Tells the operator, at most once a second: whoever can connect can fail. */
static void tell(struct tls_link *l, const struct endpoint *peer) {
    struct tls_server *s = l->server;
    const struct openssl *api = &s->api;
    long verified = s->verify == VERIFY_NONE ? 0 : api->SSL_get_verify_result(l->ssl);
    unsigned long code = api->ERR_get_error();
    const char *reason = code == 0 ? NULL : api->ERR_reason_error_string(code);
    char address[64], more[48] = "";
    api->ERR_clear_error();
    if (s->told != 0 && s->self->now < s->told + 1000000000u) {
        s->untold++;
        return;
    }
    endpoint_text(peer, address, sizeof(address));
    if (s->untold != 0) snprintf(more, sizeof(more), "; %u more failed since the last one told", s->untold);
    self_log(s->self, JF_LOG_INFO, "no TLS with %s: %s%s%s", address,
             verified != 0 ? "its certificate is not accepted: " : "",
             verified != 0    ? api->X509_verify_cert_error_string(verified)
             : reason != NULL ? reason
                              : "the handshake failed",
             more);
    s->told = s->self->now;
    s->untold = 0;
}

enum tls_step tls_link_handshake(struct tls_link *l, struct outq *out, const struct endpoint *peer) {
    const struct openssl *api = &l->server->api;
    for (uint32_t pulls = 0; pulls < PULLS; pulls++) {
        bool plain = false;
        ssize_t got = pull(l, &plain);
        if (got < 0 && errno == EAGAIN) return TLS_WAIT;
        if (got <= 0) return TLS_GONE;
        if (plain) return TLS_PLAIN;
        api->ERR_clear_error();
        int done = api->SSL_do_handshake(l->ssl);
        int error = done == 1 ? 0 : api->SSL_get_error(l->ssl, done);
        bool failed = error != 0 && error != ERROR_WANT_READ;
        if (failed) tell(l, peer);
        l->over = failed;
        l->secured = done == 1;
        if (!emit(l, out, true)) return TLS_GONE;
        if (failed) return TLS_FAILED;
        if (done != 1) continue;
        // The client's last words of the handshake may have no answer: many a client sends its request only
        // once they are acknowledged, which the kernel would put off by 40 ms.
        int one = 1;
        setsockopt(l->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
        return TLS_DONE;
    }
    return TLS_MORE;
}

ssize_t tls_link_read(struct tls_link *l, struct outq *out, void *to, size_t room) {
    const struct openssl *api = &l->server->api;
    bool plain;
    if (l->over) {
        // Only to see the end: nothing is understood any more.
        ssize_t got = recv(l->fd, to, room, MSG_DONTWAIT);
        if (got > 0) memset(to, 0, (size_t)got);
        return got;
    }
    for (uint32_t pulls = 0;; pulls++) {
        api->ERR_clear_error();
        int got = api->SSL_read(l->ssl, to, room > (1 << 30) ? 1 << 30 : (int)room);
        int error = got > 0 ? 0 : api->SSL_get_error(l->ssl, got);
        api->ERR_clear_error();
        // Answers to key updates, alerts. Who asks for them and does not read them would have them pile up.
        uint64_t before = out->bytes;
        bool fine = emit(l, out, true);
        if (out->head == NULL) l->unasked = 0;
        l->unasked += (uint32_t)(out->bytes - before);
        if (!fine || l->unasked > UNASKED_MAX) {
            errno = EPIPE;
            return -1;
        }
        if (got > 0) return got;
        if (error == ERROR_ZERO_RETURN) return 0;
        if (error != ERROR_WANT_READ) {
            l->over = true;
            errno = EPROTO;
            return -1;
        }
        if (pulls == PULLS) {
            errno = EINTR;
            return -1;
        }
        // Without a goodbye the end counts all the same: HTTP says itself whether something is missing.
        ssize_t pulled = pull(l, &plain);
        if (pulled <= 0) return pulled;
    }
}

bool tls_link_write(struct tls_link *l, struct outq *out, const struct iovec *parts, uint32_t count) {
    const struct openssl *api = &l->server->api;
    uint8_t joined[RECORD];
    uint64_t left = 0;
    uint32_t part = 0;
    size_t at = 0;
    bool waited = out->head != NULL;
    if (l->over || !l->secured) return false;
    for (uint32_t i = 0; i < count; i++)
        left += parts[i].iov_len;
    bool single = left <= RECORD;
    while (left != 0) {
        size_t size = left < RECORD ? (size_t)left : RECORD, have = 0;
        const uint8_t *from = joined;
        while (parts[part].iov_len == at) {
            part++;
            at = 0;
        }
        if (parts[part].iov_len - at >= size) {
            from = (const uint8_t *)parts[part].iov_base + at;
            at += size;
        } else {
            while (have < size) {
                size_t some = parts[part].iov_len - at;
                if (some > size - have) some = size - have;
                if (some != 0) memcpy(joined + have, (const uint8_t *)parts[part].iov_base + at, some);
                have += some;
                at += some;
                if (at != parts[part].iov_len) continue;
                part++;
                at = 0;
            }
        }
        api->ERR_clear_error();
        if (api->SSL_write(l->ssl, from, (int)size) != (int)size || !emit(l, out, single)) {
            api->ERR_clear_error();
            l->over = true;
            return false;
        }
        left -= size;
    }
    // Many records in one go.
    return single || waited || outq_flush(l->server->self, out, l->fd) >= 0;
}

void tls_link_goodbye(struct tls_link *l, struct outq *out) {
    const struct openssl *api = &l->server->api;
    if (l->over || !l->secured) return;
    l->over = true;
    api->ERR_clear_error();
    if (api->SSL_shutdown(l->ssl) >= 0) emit(l, out, true);
    api->ERR_clear_error();
}

uint8_t *tls_link_describe(const struct tls_link *l, jf_client_info *info) {
    const struct openssl *api = &l->server->api;
    const char *name = api->SSL_get_servername(l->ssl, 0);
    info->flags |= JF_CLIENT_SECURE;
    if (name != NULL) info->server_name = view_make(name, strlen(name));
    if (l->server->verify == VERIFY_NONE || api->SSL_get_verify_result(l->ssl) != 0) return NULL;
    const void *certificate = api->SSL_get0_peer_certificate(l->ssl);
    int size = certificate == NULL ? 0 : api->i2d_X509(certificate, NULL);
    uint8_t *der = size <= 0 ? NULL : self_allocate(l->server->self, (uint64_t)size), *end = der;
    if (der == NULL) return NULL;
    api->i2d_X509(certificate, &end);
    info->certificate = view_make(der, (uint64_t)size);
    return der;
}
