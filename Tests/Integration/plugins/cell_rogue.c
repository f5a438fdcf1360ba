/* SPDX-License-Identifier: Apache-2.0
 * A toolset and a strategy for the tests of cells: half of the tools work, half misbehave, one way each.
 * -DFAULT_NEEDS_HTTP: it wants what no cell has. -DVERSION="1.0.0" -DID="cell-rogue" -DABI="1.0"
 * -DTHREADS="per-loop". */
#define _GNU_SOURCE
#include <jackfield/jackfield.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef FAULT_NEEDS_HTTP
#define MORE ",\"jf.http/1\""
#else
#define MORE ""
#endif

JF_MANIFEST("{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":\"" ABI
            "\",\"summary\":\"Tools that misbehave.\",\"facets\":[\"jf.toolset/1\",\"jf.routing/1\"],"
            "\"requires\":[\"jf.loop/1\",\"jf.ops/1\"" MORE "],"
            "\"optional\":[\"jf.log/1\",\"jf.memory/1\",\"jf.toolsets/1\",\"jf.channels/1\"],"
            "\"threads\":\"" THREADS "\",\"config\":{\"type\":\"object\"},"
            "\"toolset\":{\"config\":{\"type\":\"object\"}},"
            "\"routing\":{\"strategy\":\"rogue\",\"config\":{\"type\":\"object\"}}}");

static const char *const names[] = {
    "echo",  "large",  "later", "wait", "progress",     "ask",          "pid",          "abort",
    "crash", "exit",   "hang",  "leak", "flood",        "flood-frames", "chatter",      "fork-bomb",
    "open",  "socket", "unix",  "exec", "finish-twice", "garbage",      "kill-gateway",
};

typedef struct job {
    struct job *next;
    jf_self *self;
    jf_ref op, timer;
    uint64_t pause_ns; /* 0: it waits until it is canceled */
    int turns;         /* so many reports before the end */
    bool is_armed, is_canceled;
} job;

struct jf_self {
    const jf_loop_1 *loop;
    const jf_ops_1 *ops;
    const jf_log_1 *log;
    const jf_memory_1 *memory;
    const jf_toolsets_1 *toolsets;
    pthread_mutex_t lock; /* guards `jobs` and what they are marked with */
    job *jobs;
    jf_ref set;
    uint32_t picked;
};

static jf_view text_view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

static int32_t give(jf_blob *out, const char *before, jf_view middle, const char *after) {
    size_t first = strlen(before), last = strlen(after), all = first + middle.len + last;
    uint8_t *bytes = malloc(all);
    if (bytes == NULL) return JF_E_BUSY;
    memcpy(bytes, before, first);
    if (middle.len > 0) memcpy(bytes + first, middle.ptr, middle.len);
    memcpy(bytes + first + middle.len, after, last);
    *out = (jf_blob){bytes, all, bytes, free};
    return JF_OK;
}

static int32_t say(jf_blob *out, const char *text) {
    return give(out, "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"",
                text_view(text), "\"}]}");
}

static int32_t say_result(jf_blob *out, long result) {
    return say(out, result >= 0 ? "done" : strerrorname_np(errno));
}

/* The text of a member of a flat JSON object, without escapes; "" where it has none. */
static void read_member(jf_view json, const char *key, char *out, size_t size) {
    char wanted[64];
    out[0] = 0;
    int length = snprintf(wanted, sizeof wanted, "\"%s\":", key);
    const uint8_t *at = memmem(json.ptr, json.len, wanted, (size_t)length);
    if (at == NULL) return;
    const uint8_t *end = json.ptr + json.len;
    for (at += length; at < end && *at != '"'; at++) {
    }
    size_t count = 0;
    for (at++; at < end && *at != '"' && count + 1 < size; at++)
        out[count++] = (char)*at;
    out[count] = 0;
}

/* ---- What ends later: calls come on any thread, timers belong to the lane ---- */

static void end(job *it, const char *text) {
    jf_self *self = it->self;
    jf_blob result = {0};
    pthread_mutex_lock(&self->lock);
    job **at = &self->jobs;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    pthread_mutex_unlock(&self->lock);
    if (it->timer != 0) self->loop->cancel(self->loop->context, it->timer);
    int32_t status = text != NULL ? say(&result, text) : JF_E_GONE;
    self->ops->finish(self->ops->context, it->op, status, &result, NULL);
    free(it);
}

static void due(void *user) {
    job *it = user;
    jf_self *self = it->self;
    it->timer = 0;
    if (it->turns-- > 0) {
        self->ops->progress(self->ops->context, it->op, 3 - it->turns, 3, text_view("on its way"));
        if (self->loop->timer(self->loop->context, it->pause_ns, due, it, &it->timer) == JF_OK) return;
    }
    end(it, "later");
}

/* On the lane: starts timers of new calls, ends those that were canceled. */
static void look(void *user) {
    jf_self *self = user;
    for (;;) {
        pthread_mutex_lock(&self->lock);
        job *it = self->jobs;
        while (it != NULL && it->is_armed && !it->is_canceled)
            it = it->next;
        pthread_mutex_unlock(&self->lock);
        if (it == NULL) return;
        it->is_armed = true;
        if (it->is_canceled) {
            fprintf(stderr, "told that a call was canceled\n");
            end(it, NULL);
        } else if (it->pause_ns > 0 &&
                   self->loop->timer(self->loop->context, it->pause_ns, due, it, &it->timer) != JF_OK) {
            end(it, NULL);
        }
    }
}

static int32_t begin(jf_self *self, jf_ref op, uint64_t pause_ns, int turns) {
    job *it = calloc(1, sizeof *it);
    if (it == NULL) return JF_E_BUSY;
    *it = (job){.self = self, .op = op, .turns = turns, .pause_ns = pause_ns};
    pthread_mutex_lock(&self->lock);
    it->next = self->jobs;
    self->jobs = it;
    pthread_mutex_unlock(&self->lock);
    self->loop->post(self->loop->context, look, self);
    return JF_PENDING;
}

static void cancel(jf_self *self, jf_ref op) {
    pthread_mutex_lock(&self->lock);
    for (job *it = self->jobs; it != NULL; it = it->next)
        if (it->op == op) it->is_canceled = true;
    pthread_mutex_unlock(&self->lock);
    self->loop->post(self->loop->context, look, self);
}

/* ---- What it may not ---- */

static int32_t leak(jf_blob *out) {
    static uint8_t *volatile leaked[4096];
    uint64_t had = 0;
    char text[64];
    for (; had < 4096; had++) {
        leaked[had] = malloc(1 << 20);
        if (leaked[had] == NULL) break;
        memset(leaked[had], 1, 1 << 20);
    }
    snprintf(text, sizeof text, "%llu MiB", (unsigned long long)had);
    return say(out, text);
}

static int32_t bomb(jf_blob *out) {
    int made = 0;
    char text[64];
    for (int i = 0; i < 64; i++) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0)
            for (;;)
                pause();
        made++;
    }
    snprintf(text, sizeof text, "%d children, %s", made, strerrorname_np(errno));
    return say(out, text);
}

static int32_t open_file(jf_view arguments, jf_blob *out) {
    char path[512], mode[16];
    read_member(arguments, "path", path, sizeof path);
    read_member(arguments, "mode", mode, sizeof mode);
    int fd =
        open(path, strcmp(mode, "write") == 0 ? O_WRONLY | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
    int32_t status = say_result(out, fd);
    if (fd >= 0) close(fd);
    return status;
}

/* Sends a line to a Unix socket; the answer, with its quotes made harmless. */
static int32_t ask_socket(jf_view arguments, jf_blob *out) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char file[512], line[1024], answer[512];
    read_member(arguments, "path", address.sun_path, sizeof address.sun_path);
    read_member(arguments, "file", file, sizeof file);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return say_result(out, -1);
    int length =
        snprintf(line, sizeof line, "{\"do\":\"swap\",\"plugin\":\"%s\",\"file\":\"%s\"}\n", ID, file);
    ssize_t count = write(fd, line, (size_t)length) == length ? read(fd, answer, sizeof answer - 1) : -1;
    close(fd);
    if (count < 0) return say_result(out, -1);
    answer[count] = 0;
    for (ssize_t i = 0; i < count; i++)
        if (answer[i] == '"' || answer[i] == '\\' || answer[i] == '\n') answer[i] = '.';
    return say(out, answer);
}

static bool is(jf_view name, const char *text) {
    return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

static int32_t misbehave(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result) {
    jf_view name = request->name;
    volatile bool forever = true;
    if (is(name, "abort")) {
        fprintf(stderr, "a rogue's last words");
        abort();
    }
    if (is(name, "crash")) {
        volatile int *nowhere = NULL;
        *nowhere = 1;
    }
    if (is(name, "exit")) _exit(7);
    while (is(name, "hang") && forever) {
    }
    if (is(name, "leak")) return leak(result);
    while (is(name, "flood") && forever)
        self->log->write(self->log->context, JF_LOG_INFO, text_view("water"), NULL, 0);
    while (is(name, "flood-frames") && forever)
        self->toolsets->changed(self->toolsets->context, self->set, JF_TOOLS);
    if (is(name, "chatter")) {
        for (int i = 0; i < 20000; i++)
            fprintf(stderr, "chatter %d\n", i);
        return say(result, "said");
    }
    if (is(name, "fork-bomb")) return bomb(result);
    if (is(name, "open")) return open_file(request->arguments, result);
    if (is(name, "socket")) return say_result(result, socket(AF_INET, SOCK_STREAM, 0));
    if (is(name, "unix")) return ask_socket(request->arguments, result);
    if (is(name, "exec")) return say_result(result, execl("/bin/true", "true", (char *)NULL));
    if (is(name, "kill-gateway")) return say_result(result, kill(getppid(), 0));
    if (is(name, "finish-twice")) {
        for (int i = 0; i < 2; i++) {
            jf_blob answer = {0};
            say(&answer, i == 0 ? "once" : "twice");
            self->ops->finish(self->ops->context, op, JF_OK, &answer, NULL);
        }
        return JF_PENDING;
    }
    if (is(name, "garbage")) {
        uint8_t bytes[256];
        memset(bytes, 0xff, sizeof bytes);
        send(3, bytes, sizeof bytes, 0); /* the cell's own socket */
        return JF_PENDING;
    }
    return JF_E_UNSUPPORTED;
}

/* ---- The toolset ---- */

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    jf_view name = request->name;
    (void)why;
    if (is(name, "echo"))
        return give(result,
                    "{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":", request->arguments,
                    "}");
    if (is(name, "large")) {
        const uint64_t size = 3 << 20;
        uint8_t *bytes = malloc(size);
        if (bytes == NULL) return JF_E_BUSY;
        memset(bytes, 'x', size);
        int32_t status =
            give(result, "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"",
                 (jf_view){bytes, size}, "\"}]}");
        free(bytes);
        return status;
    }
    if (is(name, "later")) return begin(self, op, 20000000, 0);
    if (is(name, "wait")) return begin(self, op, 0, 0);
    if (is(name, "progress")) return begin(self, op, 20000000, 3);
    if (is(name, "ask")) {
        char heard[128];
        read_member(request->params, "colour", heard, sizeof heard);
        if (heard[0] != 0) return say(result, heard);
        return give(
            result,
            "{\"resultType\":\"input_required\",\"requestState\":\"kept\",\"inputRequests\":{\"q\":{"
            "\"method\":\"elicitation/create\",\"params\":{\"mode\":\"form\",\"message\":\"Which colour?\","
            "\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"colour\":{\"type\":\"string\"}}}}}}}",
            (jf_view){NULL, 0}, "");
    }
    if (is(name, "pid")) {
        char text[32];
        snprintf(text, sizeof text, "%d", (int)getpid());
        return say(result, text);
    }
    return misbehave(self, op, request, result);
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)name;
    (void)why;
    if (memmem(config.ptr, config.len, "crash-open", 10) != NULL) abort();
    self->set = set;
    *handle = 1;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self;
    (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    char json[4096];
    int used = 0;
    (void)self;
    (void)why;
    if (handle != 1) return JF_E_STALE;
    if (kind != JF_TOOLS) return JF_ABSENT;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        used +=
            snprintf(json + used, sizeof json - (size_t)used,
                     "%s{\"name\":\"%s\",\"inputSchema\":{\"type\":\"object\"}}", i > 0 ? "," : "", names[i]);
    return give(items, "[", (jf_view){(const uint8_t *)json, (uint64_t)used}, "]");
}

static const jf_toolset_1 toolset = {.size = sizeof toolset,
                                     .open = open_set,
                                     .close = close_set,
                                     .list = list,
                                     .call = call,
                                     .cancel = cancel};

/* ---- The strategy: in turn ---- */

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)self;
    (void)name;
    (void)config;
    (void)why;
    *handle = 1;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self;
    (void)handle;
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *wanted, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)handle;
    (void)wanted;
    (void)eligible;
    (void)why;
    *chosen = (uint32_t)(self->picked++ % count);
    return JF_OK;
}

static const jf_routing_1 routing = {
    .size = sizeof routing, .attach = attach, .detach = detach, .pick = pick};

/* ---- The instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)why;
    if (memmem(config.ptr, config.len, "crash-create", 12) != NULL) {
        fprintf(stderr, "it will not even be created\n");
        abort();
    }
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return JF_E_BUSY;
    pthread_mutex_init(&self->lock, NULL);
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->ops = offer->service(offer->host, JF_OPS_1);
    self->log = offer->service(offer->host, JF_LOG_1);
    self->memory = offer->service(offer->host, JF_MEMORY_1);
    self->toolsets = offer->service(offer->host, JF_TOOLSETS_1);
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    while (self->jobs != NULL) {
        job *it = self->jobs;
        self->jobs = it->next;
        free(it);
    }
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    (void)self;
    if (strcmp(id, JF_TOOLSET_1) == 0) return &toolset;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

static const jf_plugin plugin = {.size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};

__attribute__((visibility("default"))) const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)offer;
    (void)why;
    return &plugin;
}
