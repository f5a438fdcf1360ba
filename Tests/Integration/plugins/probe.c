/* SPDX-License-Identifier: Apache-2.0
 * A filter that does what its options say, with requests and with results, and writes down what it heard. */
#define _GNU_SOURCE
#include <jackfield/jackfield.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

JF_MANIFEST(
    "{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":\"1.1\",\"summary\":\"Does as it is told.\","
    "\"facets\":[\"jf.filter/1\"],\"requires\":[\"jf.ops/1\"],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"filter\":{\"filter\":\"probe\",\"links\":{\"result\":\"spill\"},\"config\":{\"type\":\"object\"}}}");

typedef struct probe {
    char log[512], tag[64], request[32], result[32];
} probe;

struct jf_self {
    jf_filter_1 table;
    const jf_ops_1 *ops;
    const jf_config_1 *config;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    unsigned threads;
    uint64_t last;
};

static void note(const probe *it, const char *line) {
    if (it->log[0] == 0) return;
    int file = open(it->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    ssize_t written = write(file, line, strlen(line));
    (void)written;
    close(file);
}

static void text(jf_self *self, jf_view config, const char *pointer, char *out, size_t size) {
    jf_view value = {0};
    uint32_t kind = 0;
    jf_view path = {(const uint8_t *)pointer, strlen(pointer)};
    if (self->config->find(self->config->context, config, path, &value, &kind) != JF_OK || value.len < 2)
        return;
    size_t length = value.len - 2 < size - 1 ? value.len - 2 : size - 1;
    memcpy(out, value.ptr + 1, length);
    out[length] = 0;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name, (void)why;
    probe *it = calloc(1, sizeof *it);
    if (it == NULL) return JF_E_BUSY;
    text(self, config, "/log", it->log, sizeof it->log);
    text(self, config, "/tag", it->tag, sizeof it->tag);
    text(self, config, "/request", it->request, sizeof it->request);
    text(self, config, "/result", it->result, sizeof it->result);
    *handle = (jf_ref)(uintptr_t)it;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self;
    free((probe *)(uintptr_t)handle);
}

/* A verdict with a text behind its head, padded. */
static jf_blob verdict(uint32_t decision, uint32_t count, uint64_t memory, const void *rest, size_t len) {
    size_t whole = sizeof(jf_verdict) + (len + 7) / 8 * 8;
    uint8_t *bytes = calloc(1, whole);
    jf_verdict head = {decision, count, memory};
    if (bytes == NULL) return (jf_blob){0};
    memcpy(bytes, &head, sizeof head);
    if (len > 0) memcpy(bytes + sizeof head, rest, len);
    return (jf_blob){bytes, decision == JF_ANSWER ? sizeof head + len : whole, bytes, free};
}

/* Puts `with` at the beginning of the first string that stands under `mark`, a name with its quotes. */
static jf_blob insert(jf_view body, const char *mark, const char *with, uint64_t memory) {
    const uint8_t *at = body.ptr, *end = body.ptr + body.len;
    uint8_t rest[256];
    do {
        at = memmem(at, (size_t)(end - at), mark, strlen(mark));
        if (at == NULL) return verdict(JF_PASS, 0, memory, NULL, 0);
        at += strlen(mark);
        while (at < end && *at == ' ')
            at++;
    } while (at < end && *at != ':');
    for (at++; at < end && *at == ' ';)
        at++;
    uint64_t place = (uint64_t)(at - body.ptr) + 1;
    jf_splice splice = {place, place, strlen(with)};
    memcpy(rest, &splice, sizeof splice);
    memcpy(rest + sizeof splice, with, strlen(with));
    return verdict(JF_SPLICE, 1, memory, rest, sizeof splice + strlen(with));
}

typedef struct work {
    jf_self *self;
    jf_ref op;
    const jf_passage *passage;
    const probe *it;
    uint64_t memory;
} work;

static void *finish(void *argument) {
    work *job = argument;
    jf_self *self = job->self;
    /* what was lent is there until the operation is over */
    jf_blob out = insert(job->passage->body, "\"text\"", job->it->tag, job->memory);
    self->ops->finish(self->ops->context, job->op, JF_OK, &out, NULL);
    free(job);
    pthread_mutex_lock(&self->lock);
    self->threads--;
    pthread_cond_broadcast(&self->idle);
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static int32_t refuse(jf_fault *why, int32_t code, const char *said) {
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", said);
    why->flags = JF_FAULT_PUBLIC;
    why->code = code;
    why->retry_ms = 1500;
    return code;
}

static int32_t act(jf_self *self, jf_ref op, const probe *it, const char *what, const jf_passage *passage,
                   uint64_t memory, jf_blob *out, jf_fault *why) {
    if (strcmp(what, "splice") == 0) *out = insert(passage->body, "\"text\"", it->tag, memory);
    if (strcmp(what, "remember") == 0) *out = verdict(JF_PASS, 0, memory, NULL, 0);
    if (strcmp(what, "break") == 0) *out = insert(passage->body, "\"text\"", "\"", memory);
    if (strcmp(what, "rename") == 0) *out = insert(passage->body, "\"name\"", "x", memory);
    if (strcmp(what, "garbage") == 0) *out = verdict(77, 3, memory, "abc", 3);
    if (strcmp(what, "answer") == 0) {
        char result[200];
        int length = snprintf(
            result, sizeof result,
            "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", it->tag);
        *out = verdict(JF_ANSWER, 0, memory, result, (size_t)length);
    }
    if (strcmp(what, "spill") == 0) {
        /* For a moment only; a tag is a preview that cannot be. */
        struct {
            jf_spill head;
            char preview[64];
        } rest = {.head = {.ttl_ms = 300, .most = 1 << 30}};
        snprintf(rest.preview, sizeof rest.preview, "%s", it->tag[0] != 0 ? it->tag : "{\"content\":[]}");
        rest.head.len = strlen(rest.preview);
        *out = verdict(JF_SPILL, 0, memory, &rest, sizeof rest.head + rest.head.len);
    }
    if (strcmp(what, "deny") == 0) return refuse(why, JF_E_DENIED, "not here");
    if (strcmp(what, "invalid") == 0) return refuse(why, JF_E_INVALID, "not like this");
    if (strcmp(what, "busy") == 0) return refuse(why, JF_E_BUSY, "not now");
    if (strcmp(what, "fault") == 0) return refuse(why, JF_E_FAULT, "secret of the operator");
    if (strcmp(what, "hang") == 0) return JF_PENDING;
    if (strcmp(what, "pend") != 0) return JF_OK;
    work *job = malloc(sizeof *job);
    pthread_t thread;
    if (job == NULL) return JF_E_FAULT;
    *job = (work){self, op, passage, it, memory};
    pthread_mutex_lock(&self->lock);
    self->threads++;
    pthread_mutex_unlock(&self->lock);
    if (pthread_create(&thread, NULL, finish, job) != 0) abort();
    pthread_detach(thread);
    return JF_PENDING;
}

static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *out,
                       jf_fault *why) {
    const probe *it = (const probe *)(uintptr_t)handle;
    if (it->request[0] == 0) return JF_OK;
    note(it, "request\n");
    return act(self, op, it, it->request, passage, ++self->last, out, why);
}

static int32_t result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *out,
                      jf_fault *why) {
    const probe *it = (const probe *)(uintptr_t)handle;
    if (it->result[0] == 0) return JF_OK;
    note(it, "result\n");
    return act(self, op, it, it->result, passage, passage->memory, out, why);
}

static void ended(jf_self *self, jf_ref handle, const jf_passed *passed) {
    char line[100];
    (void)self;
    snprintf(line, sizeof line, "ended %d %s\n", passed->status, passed->bytes > 0 ? "bytes" : "nothing");
    note((const probe *)(uintptr_t)handle, line);
}

static void cancel(jf_self *self, jf_ref op) {
    jf_blob none = {0};
    self->ops->finish(self->ops->context, op, JF_OK, &none, NULL);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config, (void)why;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return JF_E_BUSY;
    self->ops = offer->service(offer->host, JF_OPS_1);
    self->config = offer->service(offer->host, JF_CONFIG_1);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->idle, NULL);
    self->table = (jf_filter_1){.size = sizeof self->table,
                                .attach = attach,
                                .detach = detach,
                                .request = request,
                                .result = result,
                                .ended = ended,
                                .cancel = cancel};
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    pthread_mutex_lock(&self->lock);
    while (self->threads > 0)
        pthread_cond_wait(&self->idle, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_FILTER_1) == 0 ? &self->table : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin,
                                     .minor = 1,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .stop = stop};
    (void)offer, (void)why;
    return &plugin;
}
