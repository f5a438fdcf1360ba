/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.listener/1: one client on this process's own standard input and output. */
#include "endpoint.h"
#include "facets.h"
#include "lines.h"
#include "settings.h"
#include "writer.h"

#include <stdio.h>
#include <string.h>

/** Reads per loop turn. */
#define READS_PER_TURN 16
/** A client that is so many times over its queue is given up: the host goes on in spite of JF_E_BUSY. */
#define QUEUE_PATIENCE 4

/** The client of `--stdio`. It lives until its input has ended and its answers are written. */
struct client {
    jf_self *self;
    jf_ref listener;
    jf_ref host; /**< the host's handle; 0: not opened yet, or stale */
    endpoint in, out;
    lines lines;
    writer writer;
    jf_ref watch; /**< of the input; 0 with `polled` */
    bool polled;  /**< the input cannot be watched: it is read in tasks */
    bool opened;  /**< the host was told */
    bool ending;  /**< no more input is read; the answers on their way are still written */
    bool hangup;
    deferred task; /**< opens the client, then reads on */
};

static const uint8_t address[] = "stdio";
static const jf_view address_view = {address, sizeof address - 1};

static void free_client(client *self) {
    jf_self *instance = self->self;
    instance->client = NULL;
    end_watch(instance, &self->watch);
    defer_cancel(&self->task);
    writer_close(&self->writer);
    lines_reset(&self->lines);
    /* In reverse: both may share one open file description, and the first to be taken saw its flags
     * unchanged. */
    endpoint_restore(&self->out);
    endpoint_restore(&self->in);
    release(instance, self);
}

/** Reads no more; writes what is queued; then the client is gone. Tells the host unless it knows. */
static void end_client(client *self, bool tell) {
    jf_self *instance = self->self;
    jf_ref host = self->host;
    if (self->ending) return;
    self->ending = true;
    self->host = 0;
    end_watch(instance, &self->watch);
    defer_cancel(&self->task);
    lines_reset(&self->lines);
    if (self->writer.fd >= 0)
        writer_finish(&self->writer);
    else
        defer(instance, &self->task);
    if (tell && host != 0) instance->inbound.closed(instance->inbound.context, host);
}

static bool on_line(void *user, const uint8_t *line, uint64_t length) {
    client *self = user;
    jf_view body = {line, length};
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_PADDED | JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM,
                          .body = &body,
                          .body_count = 1};
    if (self->host == 0) return false;
    if (self->self->inbound.deliver(self->self->inbound.context, self->host, &message) != JF_OK)
        self->host = 0;
    return self->host != 0;
}

static void on_long_line(void *user, uint64_t length) {
    client *self = user;
    say(self->self, JF_LOG_WARNING, NULL, 0,
        "stdio: a message of %llu bytes was left out: max_message is %llu", (unsigned long long)length,
        (unsigned long long)self->lines.limit);
    /* Its id was never read: JSON-RPC answers such a message without one. */
    char text[160];
    int size = snprintf(text, sizeof text,
                        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":"
                        "\"the message has %llu bytes, over the limit of %llu\"}}",
                        (unsigned long long)length, (unsigned long long)self->lines.limit);
    jf_view answer = {(const uint8_t *)text, (uint64_t)size};
    if (self->writer.fd >= 0) (void)writer_put(&self->writer, &answer, 1);
}

/** The client's input is over. */
static void input_ended(client *self, int32_t state) {
    if (state == LINES_MEMORY)
        say(self->self, JF_LOG_ERROR, NULL, 0,
            "stdio: no memory left for the client's messages; it is given up");
    else if (lines_waiting(&self->lines) > 0)
        say(self->self, JF_LOG_WARNING, NULL, 0,
            "stdio: the input ended inside a message, after %llu bytes of it",
            (unsigned long long)lines_waiting(&self->lines));
    end_client(self, true);
}

static void read_client(client *self) {
    for (int turns = READS_PER_TURN; turns > 0; turns--) {
        int32_t state = lines_read(&self->lines, self->in.fd);
        /* The host may close the client from inside: its buffer lives until the delivery is over. */
        if (state <= LINES_DRY) (void)lines_deliver(&self->lines);
        if (self->ending) {
            lines_reset(&self->lines);
            return;
        }
        if (self->host == 0) {
            end_client(self, false);
            return;
        }
        if (state > LINES_DRY) {
            input_ended(self, state);
            return;
        }
        if (state == LINES_DRY && !self->polled) {
            if (!self->hangup) return;
            self->hangup = false;
        }
    }
    defer(self->self, &self->task);
}

static void on_input(void *user, uint32_t events) {
    client *self = user;
    if ((events & (JF_HANGUP | JF_BROKEN)) != 0) self->hangup = true;
    if (self->opened && !self->ending) read_client(self);
}

static void on_task(void *user) {
    client *self = user;
    jf_self *instance = self->self;
    jf_client_info info = {
        .size = sizeof info, .flags = JF_CLIENT_SHARED | JF_CLIENT_SOLE, .listener = self->listener};
    info.address = address_view;
    if (self->ending) {
        free_client(self);
        return;
    }
    if (!self->opened) {
        self->opened = true;
        if (instance->inbound.opened(instance->inbound.context, &info, &self->host) != JF_OK) {
            self->host = 0;
            end_client(self, false);
            return;
        }
    }
    if (!self->ending) read_client(self);
}

static void on_writable(void *user) {
    client *self = user;
    if (self->host != 0) self->self->inbound.writable(self->self->inbound.context, self->host, 0);
}

static void on_broken(void *user, int error) {
    client *self = user;
    say(self->self, JF_LOG_WARNING, NULL, 0, "stdio: the client reads no more answers: %s", strerror(error));
    if (self->ending)
        defer(self->self, &self->task);
    else
        end_client(self, true);
}

static void on_finished(void *user) {
    free_client(user);
}

static const writer_events output_events = {
    .writable = on_writable, .broken = on_broken, .finished = on_finished};

static int32_t take_streams(client *self, jf_fault *why) {
    jf_loop_1 *loop = &self->self->loop;
    int error = endpoint_take(&self->in, 0);
    if (error != 0) return fault(why, JF_E_FAULT, 0, "cannot use standard input: %s", strerror(error));
    error = endpoint_take(&self->out, 1);
    if (error != 0) return fault(why, JF_E_FAULT, 0, "cannot use standard output: %s", strerror(error));
    if (loop->watch(loop->context, self->in.fd, JF_READABLE, on_input, self, &self->watch) < JF_OK) {
        self->watch = 0;
        self->polled = true;
        if (!self->in.file) return fault(why, JF_E_FAULT, 0, "the event loop cannot watch standard input");
    }
    return JF_OK;
}

static int32_t listener_listen(jf_self *self, jf_ref listener, jf_view where, jf_view config, jf_blob *bound,
                               jf_fault *why) {
    client *made;
    int32_t status;
    (void)where;
    if (self->client != NULL || self->stopped)
        return fault(why, JF_E_BUSY, 0,
                     "standard input and output serve one client only, and it is there already");
    if ((made = allocate(self, sizeof *made)) == NULL)
        return fault(why, JF_E_BUSY, 0, "no memory for a client");
    *made = (client){.self = self, .listener = listener};
    made->in = made->out = (endpoint){.fd = -1, .kept = -1, .flags = -1};
    made->lines = (lines){.self = self, .line = on_line, .too_long = on_long_line, .user = made};
    made->lines.limit = setting_integer(self, config, "/max_message", 4194304, 1024, 1ull << 30);
    made->task = (deferred){.run = on_task, .user = made};
    writer_init(&made->writer, self, &output_events, made,
                setting_integer(self, config, "/queue", 8388608, 4096, 1ull << 32));
    self->client = made;
    status = take_streams(made, why);
    if (status != JF_OK) {
        free_client(made);
        return status;
    }
    writer_open(&made->writer, made->out.fd);
    defer(self, &made->task);
    *bound = (jf_blob){.ptr = address, .len = sizeof address - 1};
    return JF_OK;
}

/** There is nothing more to accept; the one client stays. */
static void listener_unlisten(jf_self *self, jf_ref listener) {
    (void)self;
    (void)listener;
}

static int32_t listener_reply(jf_self *self, jf_ref host, const jf_message *message) {
    client *to = self->client;
    int32_t status;
    if (to == NULL || host == 0 || to->host != host || to->ending) return JF_E_STALE;
    if (message->body == NULL || message->body_count == 0) return JF_OK;
    if (writer_queued(&to->writer) / QUEUE_PATIENCE > to->writer.limit) {
        say(self, JF_LOG_ERROR, NULL, 0, "stdio: the client does not read its answers; it is given up");
        writer_close(&to->writer);
        end_client(to, true);
        return JF_E_STALE;
    }
    status = writer_put(&to->writer, message->body, message->body_count);
    if (status != JF_OK) return JF_E_STALE;
    if (writer_queued(&to->writer) <= to->writer.limit) return JF_OK;
    writer_mark_full(&to->writer);
    return JF_E_BUSY;
}

static void listener_close(jf_self *self, jf_ref host) {
    if (self->client != NULL && host != 0 && self->client->host == host) end_client(self->client, true);
}

void listener_stop(jf_self *self) {
    if (self->client == NULL) return;
    (void)writer_push(&self->client->writer);
    free_client(self->client);
}

const jf_listener_1 listener_facet = {.size = sizeof listener_facet,
                                      .listen = listener_listen,
                                      .unlisten = listener_unlisten,
                                      .reply = listener_reply,
                                      .close = listener_close};
