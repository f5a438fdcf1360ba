/* SPDX-License-Identifier: Apache-2.0
 * A toolset and strategy for the cell's tests whose tools misbehave, one way each; others show what a cell
 * lets a plugin do. Built as cell.so, the plugin under test of cell_test.c. */
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
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

JF_MANIFEST(
    "{\"id\":\"cell\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"facets\":[\"jf.toolset/1\",\"jf.routing/1\"],"
    "\"requires\":[\"jf.ops/1\"],\"threads\":\"serial\"}");

struct jf_self {
    const jf_ops_1 *ops;
    const jf_loop_1 *loop;
    const jf_log_1 *log;
    const jf_memory_1 *memory;
    const jf_config_1 *config;
    const jf_calls_1 *calls;
    const jf_toolsets_1 *toolsets;
    jf_ref set, op, timer;
    uint32_t picks;
};

static int32_t say(jf_blob *out, const char *text) {
    char *json = NULL;
    int length = asprintf(&json, "{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", text);
    if (length < 0) return JF_E_BUSY;
    *out = (jf_blob){(uint8_t *)json, (uint64_t)length, json, free};
    return JF_OK;
}

static int32_t say_errno(jf_blob *out, long result) {
    return say(out, result >= 0 ? "done" : strerrorname_np(errno));
}

static void answer_later(void *user) {
    jf_self *self = user;
    jf_blob result;
    self->timer = 0;
    say(&result, self->ops->state(self->ops->context, self->op) == JF_OK ? "later" : "canceled");
    self->ops->finish(self->ops->context, self->op, JF_OK, &result, NULL);
}

static void *answer_elsewhere(void *user) {
    jf_self *self = user;
    jf_blob result;
    say(&result, "elsewhere");
    self->ops->finish(self->ops->context, self->op, JF_OK, &result, NULL);
    return NULL;
}

static void call_done(void *user, jf_ref call, const jf_call_result *given) {
    jf_self *self = user;
    jf_blob result;
    char text[64];
    (void)call;
    snprintf(text, sizeof text, "%d %llu", (int)given->status, (unsigned long long)given->body.len);
    say(&result, text);
    self->ops->finish(self->ops->context, self->op, JF_OK, &result, NULL);
}

/* Writes past its socket's protocol: the gateway's end must bear anything. */
static void send_garbage(const char *how) {
    uint8_t bytes[256];
    memset(bytes, 0xff, sizeof bytes);
    if (strcmp(how, "garbage-zero") == 0) memset(bytes, 0, sizeof bytes);
    if (strcmp(how, "garbage-short") == 0) {
        send(3, bytes, 7, 0);
        return;
    }
    if (strcmp(how, "garbage-unsealed") == 0) {
        int fd = memfd_create("x", MFD_CLOEXEC);
        char control[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec part = {bytes, sizeof bytes};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
        if (ftruncate(fd, 4096) == 0) sendmsg(3, &message, 0);
        return;
    }
    send(3, bytes, sizeof bytes, 0);
}

static bool is(jf_view name, const char *text) {
    return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

static int32_t misbehave(jf_self *self, jf_view name) {
    volatile bool forever = true;
    if (is(name, "abort")) {
        fprintf(stderr, "it is all over\n");
        abort();
    }
    if (is(name, "abort-unended")) {
        fprintf(stderr, "cut off");
        abort();
    }
    if (is(name, "crash")) {
        volatile int *nowhere = NULL;
        *nowhere = 1;
    }
    if (is(name, "exit")) exit(7);
    while (is(name, "hang") && forever) {
    }
    while (is(name, "flood") && forever)
        self->log->write(self->log->context, JF_LOG_INFO, (jf_view){(const uint8_t *)"water", 5}, NULL, 0);
    while (is(name, "flood-changes") && forever)
        self->toolsets->changed(self->toolsets->context, self->set, JF_TOOLS);
    if (name.len >= 7 && memcmp(name.ptr, "garbage", 7) == 0) {
        char how[32] = {0};
        memcpy(how, name.ptr, name.len < 31 ? name.len : 31);
        send_garbage(how);
        return JF_PENDING;
    }
    if (is(name, "close")) {
        close(3);
        for (;;)
            pause();
    }
    return JF_E_UNSUPPORTED;
}

/* What the hardening has to say to each. */
static int32_t attempt(jf_view name, jf_blob *out) {
    int status = 0;
    if (is(name, "fork")) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        if (child > 0) waitpid(child, &status, 0);
        return say_errno(out, child);
    }
    if (is(name, "exec")) return say_errno(out, execl("/bin/true", "true", (char *)NULL));
    if (is(name, "ptrace")) return say_errno(out, ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    if (is(name, "survive")) return say_errno(out, prctl(PR_SET_PDEATHSIG, 0));
    if (is(name, "socket")) return say_errno(out, socket(AF_INET, SOCK_STREAM, 0));
    if (is(name, "kill-parent")) return say_errno(out, kill(getppid(), 0));
    if (is(name, "read-home")) return say_errno(out, open("/root", O_RDONLY | O_DIRECTORY));
    if (is(name, "read-etc")) return say_errno(out, open("/etc", O_RDONLY | O_DIRECTORY));
    if (is(name, "read-passwd")) return say_errno(out, open("/etc/passwd", O_RDONLY));
    if (is(name, "read-usr")) return say_errno(out, open("/usr", O_RDONLY | O_DIRECTORY));
    if (is(name, "write-tmp")) return say_errno(out, open("/tmp/cell-test-escape", O_WRONLY | O_CREAT, 0600));
    if (is(name, "umask")) {
        mode_t mask = umask(0);
        umask(mask);
        return say(out, mask == 077 ? "077" : "other");
    }
    if (is(name, "memory")) {
        uint8_t *memory = malloc(3ull << 30);
        if (memory != NULL) memset(memory, 1, 3ull << 30);
        return say(out, memory != NULL ? "had" : "refused");
    }
    if (is(name, "fds")) {
        int open_fds = 0;
        char text[16];
        for (int fd = 0; fd < 256; fd++)
            if (fcntl(fd, F_GETFD) >= 0) open_fds++;
        snprintf(text, sizeof text, "%d", open_fds);
        return say(out, text);
    }
    return JF_E_UNSUPPORTED;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    jf_view name = request->name;
    self->op = op;
    if (is(name, "echo")) { /* the arguments as they are */
        uint8_t *copy = malloc(request->arguments.len);
        if (copy == NULL) return JF_E_BUSY;
        memcpy(copy, request->arguments.ptr, request->arguments.len);
        *result = (jf_blob){copy, request->arguments.len, copy, free};
        return JF_OK;
    }
    if (is(name, "later"))
        return self->loop->timer(self->loop->context, 20000000, answer_later, self, &self->timer) == JF_OK
                   ? JF_PENDING
                   : JF_E_FAULT;
    if (is(name, "never")) return JF_PENDING;
    if (is(name, "elsewhere")) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, answer_elsewhere, self) != 0) return JF_E_FAULT;
        pthread_detach(thread);
        return JF_PENDING;
    }
    if (is(name, "refuse")) {
        const char text[] = "not with these arguments";
        why->code = JF_E_INVALID;
        why->flags = JF_FAULT_PUBLIC;
        why->text_len = sizeof text - 1;
        memcpy(why->text, text, sizeof text);
        return JF_E_INVALID;
    }
    if (is(name, "progress")) {
        self->ops->progress(self->ops->context, op, 1, 2, (jf_view){(const uint8_t *)"half", 4});
        return say(result, "progressed");
    }
    if (is(name, "changed")) {
        self->toolsets->changed(self->toolsets->context, self->set, JF_TOOLS);
        return say(result, "changed");
    }
    if (is(name, "secret")) {
        jf_blob secret = {0};
        int32_t status =
            self->config->secret(self->config->context, (jf_view){(const uint8_t *)"key", 3}, &secret);
        char text[64] = "absent";
        if (status == JF_OK) snprintf(text, sizeof text, "%.*s", (int)secret.len, (const char *)secret.ptr);
        if (status == JF_OK) secret.drop(secret.owner);
        return say(result, text);
    }
    if (is(name, "call")) {
        jf_call what = {.size = sizeof what,
                        .method = {(const uint8_t *)"tools/list", 10},
                        .params = {(const uint8_t *)"{}", 2}};
        jf_ref ref;
        return self->calls->start(self->calls->context, &what, call_done, self, &ref, why) == JF_OK
                   ? JF_PENDING
                   : JF_E_FAULT;
    }
    if (is(name, "stderr")) {
        for (int i = 0; i < 500; i++)
            fprintf(stderr, "line %d\n", i);
        return say(result, "printed");
    }
    int32_t status = attempt(name, result);
    return status != JF_E_UNSUPPORTED ? status : misbehave(self, name);
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)name;
    (void)config;
    (void)why;
    self->set = set;
    *handle = 4711;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self;
    (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    static const char tools[] = "[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]";
    (void)self;
    (void)why;
    if (handle != 4711) return JF_E_STALE;
    if (kind != JF_TOOLS) return JF_ABSENT;
    *items = (jf_blob){(const uint8_t *)tools, sizeof tools - 1, NULL, NULL};
    return JF_OK;
}

static const jf_toolset_1 toolset = {
    .size = sizeof toolset, .open = open_set, .close = close_set, .list = list, .call = call};

/* Picks the last endpoint; its configuration may make it slow. */
static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)self;
    (void)name;
    (void)why;
    *handle = memmem(config.ptr, config.len, "slow", 4) != NULL    ? 2
              : memmem(config.ptr, config.len, "wrong", 5) != NULL ? 3
                                                                   : 1;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self;
    (void)handle;
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *wanted, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)wanted;
    (void)eligible;
    (void)why;
    if (handle == 2 && self->picks++ == 0) usleep(50000);
    *chosen = handle == 3 ? (uint32_t)count : (uint32_t)count - 1;
    return JF_OK;
}

static const jf_routing_1 routing = {
    .size = sizeof routing, .attach = attach, .detach = detach, .pick = pick};

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (memmem(config.ptr, config.len, "abort", 5) != NULL) {
        fprintf(stderr, "no thanks\n");
        abort();
    }
    if (memmem(config.ptr, config.len, "refuse", 6) != NULL) {
        why->code = JF_E_INVALID;
        why->text_len = 6;
        memcpy(why->text, "no way", 6);
        return JF_E_INVALID;
    }
    while (memmem(config.ptr, config.len, "hang", 4) != NULL)
        pause();
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return JF_E_BUSY;
    self->ops = offer->service(offer->host, JF_OPS_1);
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->log = offer->service(offer->host, JF_LOG_1);
    self->memory = offer->service(offer->host, JF_MEMORY_1);
    self->config = offer->service(offer->host, JF_CONFIG_1);
    self->calls = offer->service(offer->host, JF_CALLS_1);
    self->toolsets = offer->service(offer->host, JF_TOOLSETS_1);
    /* What it leaks shows in the metrics. */
    if (JF_HAS(self->memory, allocate)) self->memory->allocate(self->memory->context, 12345);
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    (void)self;
    if (strcmp(id, JF_TOOLSET_1) == 0) return &toolset;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

static const jf_plugin plugin = {.size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)offer;
    (void)why;
    return &plugin;
}
