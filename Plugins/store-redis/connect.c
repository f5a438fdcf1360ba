/* SPDX-License-Identifier: Apache-2.0
 * Connections to Redis. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- On a thread ---- */

void *job_make(struct settings *settings, bool subscribes) {
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) return NULL;
    job->settings = settings_hold(settings);
    job->subscribes = subscribes;
    job->why.size = sizeof job->why;
    return job;
}

void job_drop(void *user) {
    struct job *job = user;
    if (job->context != NULL) redisFree(job->context);
    settings_release(job->settings);
    free(job);
}

/* What an error of the server means for a connection. */
static int32_t code_of(const char *text) {
    static const char *const denied[] = {"NOAUTH", "WRONGPASS", "NOPERM", "ERR invalid password", "ERR AUTH"};
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
        if (strncmp(text, denied[i], strlen(denied[i])) == 0) return JF_E_DENIED;
    return JF_E_GONE;
}

static redisReply *ask(struct job *job, int count, const char **arguments, const char *what) {
    redisReply *reply = redisCommandArgv(job->context, count, arguments, NULL);
    if (reply == NULL) {
        sc_fault(&job->why, JF_E_GONE, 0, "%s failed: %s", what, job->context->errstr);
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ERROR) return reply;
    if (strncmp(reply->str, "ERR unknown command", 19) == 0)
        sc_fault(&job->why, JF_E_FAULT, 0, "%s failed: Redis 6 or later, or Valkey, is needed", what);
    else
        sc_fault(&job->why, code_of(reply->str), 0, "%s failed: %.120s", what, reply->str);
    freeReplyObject(reply);
    return NULL;
}

/* HELLO: protocol 2, login and name in one. */
static bool greet(struct job *job) {
    const struct settings *to = job->settings;
    const char *arguments[7] = {"HELLO", "2"};
    int count = 2;
    if (to->password != NULL) {
        arguments[count++] = "AUTH";
        arguments[count++] = to->username != NULL ? to->username : "default";
        arguments[count++] = to->password;
    }
    arguments[count++] = "SETNAME";
    arguments[count++] = job->subscribes ? "jackfield-watch" : "jackfield";
    redisReply *reply = ask(job, count, arguments, "login");
    if (reply == NULL) return false;
    bool is_primary = true;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *value = reply->element[i + 1];
        if (name->str != NULL && strcmp(name->str, "role") == 0 && value->str != NULL)
            is_primary = strcmp(value->str, "master") == 0;
    }
    freeReplyObject(reply);
    if (!is_primary) sc_fault(&job->why, JF_E_GONE, 0, "it is a replica: name the primary");
    return is_primary;
}

static bool choose_database(struct job *job) {
    char number[16];
    if (job->settings->database == 0) return true;
    snprintf(number, sizeof number, "%u", job->settings->database);
    redisReply *reply = ask(job, 2, (const char *[]){"SELECT", number}, "choosing the database");
    if (reply != NULL) freeReplyObject(reply);
    return reply != NULL;
}

static bool load_scripts(struct job *job) {
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        redisReply *reply = ask(job, 3, (const char *[]){"SCRIPT", "LOAD", scripts[i]}, "loading scripts");
        if (reply == NULL) return false;
        bool ok = reply->type == REDIS_REPLY_STRING && reply->len == SHA_LENGTH;
        if (ok) memcpy(job->sha[i], reply->str, SHA_LENGTH);
        freeReplyObject(reply);
        if (!ok) {
            sc_fault(&job->why, JF_E_FAULT, 0, "loading scripts gave no digest: is this Redis?");
            return false;
        }
    }
    return true;
}

static bool subscribe(struct job *job) {
    redisReply *reply = ask(job, 2, (const char *[]){"SUBSCRIBE", job->settings->channel}, "subscribing");
    if (reply != NULL) freeReplyObject(reply);
    return reply != NULL;
}

static struct timeval time_of(uint64_t ms) {
    return (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
}

/* A peer that vanished is noticed although nothing is sent. */
static void keep_alive(int fd, uint64_t timeout_ms) {
    int on = 1, idle = 15, interval = 5, count = 3;
    unsigned user = (unsigned)timeout_ms;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
}

static bool connect_to(struct job *job) {
    const struct settings *to = job->settings;
    struct timeval timeout = time_of(to->connect_timeout_ms);
    job->context = to->path != NULL ? redisConnectUnixWithTimeout(to->path, timeout)
                                    : redisConnectWithTimeout(to->host, (int)to->port, timeout);
    if (job->context == NULL || job->context->err != 0) {
        sc_fault(&job->why, JF_E_GONE, 0, "cannot connect: %s",
                 job->context != NULL ? job->context->errstr : "no memory");
        return false;
    }
    fcntl(job->context->fd, F_SETFD, FD_CLOEXEC);
    redisSetTimeout(job->context, timeout);
    if (to->path == NULL) keep_alive(job->context->fd, to->bounds.timeout_ms);
    return greet(job) && choose_database(job) && (job->subscribes ? subscribe(job) : load_scripts(job));
}

void job_work(void *user) {
    struct job *job = user;
    bool ok = connect_to(job);
    if (ok && fcntl(job->context->fd, F_SETFL, O_NONBLOCK) == 0) return;
    if (ok) sc_fault(&job->why, JF_E_FAULT, 0, "the socket cannot be made non-blocking");
    if (job->context != NULL) redisFree(job->context);
    job->context = NULL;
}

/* ---- On the lane ---- */

int32_t wire_adopt(struct wire *wire, const sc_host *host, struct job *job, jf_ready_fn ready, void *user,
                   jf_fault *why) {
    int32_t status = JF_OK;
    if (job->context == NULL) {
        *why = job->why;
        status = job->why.code;
    } else if (host->loop.watch(host->loop.context, job->context->fd, JF_READABLE | JF_WRITABLE, ready, user,
                                &wire->watch) != JF_OK) {
        status = sc_fault(why, JF_E_FAULT, 0, "the event loop does not take the connection");
    } else {
        wire->host = host;
        wire->context = job->context;
        job->context = NULL;
    }
    job_drop(job);
    return status;
}

void wire_close(struct wire *wire) {
    if (wire->context == NULL) return;
    wire->host->loop.unwatch(wire->host->loop.context, wire->watch);
    redisFree(wire->context);
    free(wire->out);
    *wire = (struct wire){0};
}

bool wire_send(struct wire *wire, const uint8_t *bytes, size_t length) {
    if (wire->out_at == wire->out_used) wire->out_at = wire->out_used = 0;
    if (wire->out_room - wire->out_used < length) {
        size_t room =
            wire->out_room * 2 > wire->out_used + length ? wire->out_room * 2 : wire->out_used + length;
        uint8_t *out = realloc(wire->out, room);
        if (out == NULL) return false;
        wire->out = out;
        wire->out_room = room;
    }
    memcpy(wire->out + wire->out_used, bytes, length);
    wire->out_used += length;
    return true;
}

bool wire_flush(struct wire *wire) {
    while (wire->context != NULL && wire->out_at < wire->out_used) {
        ssize_t done =
            send(wire->context->fd, wire->out + wire->out_at, wire->out_used - wire->out_at, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        wire->out_at += (size_t)done;
    }
    if (wire->out_room > 1048576 && wire->out_at == wire->out_used) {
        free(wire->out);
        wire->out = NULL;
        wire->out_at = wire->out_used = wire->out_room = 0;
    }
    return true;
}

int wire_read(struct wire *wire) {
    char bytes[65536];
    ssize_t got = recv(wire->context->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) return 1;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    if (got == 0) return -1;
    return redisReaderFeed(wire->context->reader, bytes, (size_t)got) == REDIS_OK ? 1 : -1;
}
