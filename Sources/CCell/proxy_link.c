/* SPDX-License-Identifier: Apache-2.0
 * Proxy: frames out and in, asks, and the pace at which a cell is read. */
#define _GNU_SOURCE
#include "proxy.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Packets handled before other work on the loop gets its turn. */
#define PACKETS_A_TURN 64u
/* Bytes put aside while the lane waits for an answer. */
#define DEFERRED_MOST (16ull << 20)
/* Floods are measured in windows of this length. */
#define WINDOW_NS 100000000ull

bool proxy_on_lane(const jf_self *self) {
    return pthread_equal(pthread_self(), atomic_load_explicit(&self->lane, memory_order_relaxed)) != 0;
}

void proxy_adopt_lane(jf_self *self) {
    atomic_store_explicit(&self->lane, pthread_self(), memory_order_relaxed);
}

/* ---- Out ---- */

static void flush_now(void *user) {
    jf_self *self = user;
    pthread_mutex_lock(&self->lock);
    self->flush_posted = false;
    bool has_process = self->state <= JF_CELL_UP;
    if (has_process) cell_link_flush(&self->link); /* a broken link is seen as END when it is read */
    pthread_mutex_unlock(&self->lock);
    if (has_process) proxy_watch_link(self);
}

/* With the lock. A lone frame leaves at once; behind others it waits for the end of the loop's batch, so that
 * they share a packet and a wake-up. */
static void flush_soon(jf_self *self) {
    bool on_lane = proxy_on_lane(self);
    if (!self->flush_posted && (!on_lane || self->operations.count <= 1 || self->state != JF_CELL_UP)) {
        cell_link_flush(&self->link);
        if (!self->link.is_blocked) return;
    }
    if (self->flush_posted || self->is_stopping) return;
    self->flush_posted = self->loop.post(self->loop.context, flush_now, self) == JF_OK;
    if (!self->flush_posted) cell_link_flush(&self->link);
}

cell_writer *proxy_begin(jf_self *self, uint16_t type, uint64_t ref, uint64_t number, int32_t status) {
    pthread_mutex_lock(&self->lock);
    cell_writer *out = self->state == JF_CELL_UP ? cell_link_writer(&self->link) : NULL;
    if (out == NULL)
        pthread_mutex_unlock(&self->lock);
    else
        cell_begin(out, type, ref, number, status, 0);
    return out;
}

int32_t proxy_send(jf_self *self, cell_writer *out) {
    bool good = cell_link_end(&self->link, out);
    if (good) flush_soon(self);
    if (self->link.queued > self->kind->spawn.limits.queue) self->owes_writable = true;
    pthread_mutex_unlock(&self->lock);
    return good ? JF_OK : JF_E_FAULT;
}

cell_writer *proxy_answer(jf_self *self, const cell_frame *ask, int32_t status) {
    pthread_mutex_lock(&self->lock);
    cell_writer *out = self->state <= JF_CELL_UP ? cell_link_writer(&self->link) : NULL;
    if (out == NULL)
        pthread_mutex_unlock(&self->lock);
    else
        cell_begin(out, CELL_ANSWER, ask->head.ref, 0, status, ask->head.serial);
    return out;
}

/* ---- Asks ---- */

bool proxy_ask_begin(jf_self *self, proxy_ask *ask, uint16_t type, uint64_t ref, uint64_t number) {
    *ask = (proxy_ask){0};
    pthread_mutex_lock(&self->lock);
    size_t at = 0, places = sizeof self->waiting / sizeof self->waiting[0];
    while (at < places && self->waiting[at] != NULL)
        at++;
    ask->out = self->state <= JF_CELL_UP && at < places ? cell_link_writer(&self->link) : NULL;
    if (ask->out == NULL) {
        pthread_mutex_unlock(&self->lock);
        return false;
    }
    if (++self->serial == 0) self->serial = 1;
    ask->waiting.serial = self->serial;
    ask->epoch = self->epoch;
    self->waiting[at] = &ask->waiting;
    cell_begin(ask->out, type, ref, number, 0, ask->waiting.serial);
    return true;
}

bool proxy_take_answer(jf_self *self, const cell_frame *frame) {
    bool taken = false;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < sizeof self->waiting / sizeof self->waiting[0] && !taken; i++) {
        proxy_waiting *waiting = self->waiting[i];
        if (waiting == NULL || waiting->is_answered || waiting->serial != frame->head.serial) continue;
        waiting->is_answered = taken = true;
        waiting->packet = frame->packet;
        waiting->frame = *frame;
        frame->packet->refs++;
    }
    pthread_mutex_unlock(&self->lock);
    return taken;
}

/* Moves what is behind a received packet to those that wait for an answer, urgent asks to their answers, and
 * puts the rest aside. */
static const char *sort_packet(jf_self *self, cell_packet *packet) {
    cell_frame frame;
    const char *bad;
    bool rest = false;
    while (cell_next_frame(packet, &frame, &bad)) {
        self->frames_in++;
        bool mine = false;
        if (frame.head.type == CELL_ANSWER && (frame.head.flags & CELL_AGAIN) == 0) {
            mine = proxy_take_answer(self, &frame);
        } else if (self->is_stopping || proxy_is_urgent(&frame)) {
            mine = true;
            bad = proxy_handle(self, &frame);
            if (bad != NULL) return bad;
        }
        if (mine)
            cell_frame_consume(&frame);
        else
            rest = true;
    }
    if (bad != NULL) return bad;
    if (rest) {
        packet->refs++;
        packet->at = packet->body_at = 0;
        packet->next = NULL;
        *self->deferred_last = packet;
        self->deferred_last = &packet->next;
    }
    return NULL;
}

/* The task that handles what was put aside while the lane waited. */
static void pump_task(void *user) {
    jf_self *self = user;
    self->pump_posted = false;
    proxy_pump(self);
}

static void post_pump(jf_self *self) {
    if (self->pump_posted || self->is_stopping) return;
    self->pump_posted = self->loop.post(self->loop.context, pump_task, self) == JF_OK;
}

/* Waits on the lane, which alone receives. */
static int32_t wait_here(jf_self *self, proxy_ask *ask, uint64_t until, uint64_t spin_ns) {
    uint64_t put_aside = 0;
    while (!ask->waiting.is_answered) {
        if (self->epoch != ask->epoch || self->state > JF_CELL_UP) return JF_E_GONE;
        cell_packet *packet = cell_packet_new();
        const char *bad = NULL;
        if (packet == NULL) return JF_E_BUSY;
        int got = cell_link_receive(&self->link, packet, &bad);
        if (got == CELL_RECEIVED) {
            self->bytes_in += packet->used;
            put_aside += packet->used;
            bad = sort_packet(self, packet);
            got = bad != NULL ? CELL_BAD : got;
        }
        cell_packet_free(packet);
        if (got == CELL_BAD) {
            proxy_lost(self, "it sent %s", bad);
            return JF_E_GONE;
        }
        if (got == CELL_END) {
            if (!ask->waiting.is_answered) proxy_lost(self, "%s", "");
            return JF_E_GONE;
        }
        if (put_aside > DEFERRED_MOST) {
            proxy_lost(self, "it sent %llu bytes instead of an answer", (unsigned long long)put_aside);
            return JF_E_GONE;
        }
        if (got != CELL_NOTHING || ask->waiting.is_answered) continue;
        pthread_mutex_lock(&self->lock);
        bool blocked = self->link.is_blocked;
        pthread_mutex_unlock(&self->lock);
        bool ready = cell_link_wait(&self->link, blocked, until, spin_ns);
        if (blocked) flush_now(self);
        if (!ready && cell_clock() >= until) return JF_E_TIMEOUT;
        spin_ns = 0;
    }
    return JF_OK;
}

/* Waits on another thread; the lane hands the answer over. */
static int32_t wait_elsewhere(jf_self *self, proxy_ask *ask, uint64_t until) {
    for (;;) {
        pthread_mutex_lock(&self->lock);
        bool answered = ask->waiting.is_answered,
             gone = self->epoch != ask->epoch || self->state > JF_CELL_UP;
        pthread_mutex_unlock(&self->lock);
        if (answered) return JF_OK;
        if (gone) return JF_E_GONE;
        uint64_t now = cell_clock();
        if (now >= until) return JF_E_TIMEOUT;
        /* The lane wakes nobody: such asks are rare, and a fifth of a millisecond is their price. */
        struct timespec nap = {0, 200000};
        ppoll(NULL, 0, &nap, NULL);
    }
}

int32_t proxy_ask_end(jf_self *self, proxy_ask *ask, uint64_t budget_ns, uint64_t spin_ns) {
    uint64_t until = cell_clock() + budget_ns;
    int32_t status = cell_link_end(&self->link, ask->out) ? JF_OK : JF_E_FAULT;
    if (status == JF_OK) cell_link_flush(&self->link);
    pthread_mutex_unlock(&self->lock);
    if (status == JF_OK)
        status =
            proxy_on_lane(self) ? wait_here(self, ask, until, spin_ns) : wait_elsewhere(self, ask, until);
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < sizeof self->waiting / sizeof self->waiting[0]; i++)
        if (self->waiting[i] == &ask->waiting) self->waiting[i] = NULL;
    if (ask->waiting.is_answered) status = ask->waiting.frame.head.status;
    pthread_mutex_unlock(&self->lock);
    if (self->deferred != NULL && proxy_on_lane(self) && self->depth == 0) post_pump(self);
    return status;
}

void proxy_ask_free(proxy_ask *ask) {
    cell_packet_free(ask->waiting.packet);
    ask->waiting.packet = NULL;
}

/* ---- In ---- */

void proxy_forget_packets(jf_self *self) {
    while (self->deferred != NULL) {
        cell_packet *packet = self->deferred;
        self->deferred = packet->next;
        cell_packet_free(packet);
    }
    self->deferred_last = &self->deferred;
}

static void resume(void *user) {
    jf_self *self = user;
    self->pause_timer = 0;
    self->is_paused = false;
    proxy_pump(self);
}

/* Whether the cell sends more than it may, in which case reading stops for the rest of the window. The socket
 * fills up then, and the cell feels it. */
static bool is_flooding(jf_self *self) {
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    uint64_t now = cell_clock();
    if (now - self->window_ns >= WINDOW_NS) {
        bool calm =
            self->window_frames < limits->flood_frames / 10 && self->window_bytes < limits->flood_bytes / 10;
        if (calm) self->throttled_since_ns = 0;
        self->window_ns = now;
        self->window_frames = self->window_bytes = 0;
    }
    if (self->window_frames < limits->flood_frames / 10 && self->window_bytes < limits->flood_bytes / 10)
        return false;
    self->throttled++;
    if (self->throttled_since_ns == 0) {
        self->throttled_since_ns = now;
        proxy_log(self, JF_LOG_WARNING, "cell sends too much and is slowed down");
    } else if (now - self->throttled_since_ns >= limits->flood_kill_ms * 1000000ull) {
        proxy_lost(self, "it sent more than %u frames or %llu bytes a second, for %u ms",
                   limits->flood_frames, (unsigned long long)limits->flood_bytes, limits->flood_kill_ms);
        return true;
    }
    uint64_t left = self->window_ns + WINDOW_NS - now;
    self->is_paused = self->loop.timer(self->loop.context, left, resume, self, &self->pause_timer) == JF_OK;
    return true;
}

/* False: the process that sent it is gone. */
static bool handle_packet(jf_self *self, cell_packet *packet, uint64_t epoch) {
    cell_frame frame;
    const char *bad = NULL;
    self->depth++;
    while (self->epoch == epoch && bad == NULL && cell_next_frame(packet, &frame, &bad)) {
        if (frame.head.type == CELL_NONE) continue;
        self->frames_in++;
        self->window_frames++;
        bad = proxy_handle(self, &frame);
    }
    self->depth--;
    if (self->epoch != epoch) return false;
    if (bad != NULL) proxy_lost(self, "it sent %s", bad);
    return bad == NULL && self->state <= JF_CELL_UP;
}

void proxy_pump(jf_self *self) {
    uint64_t epoch = self->epoch;
    for (uint32_t turn = 0; turn < PACKETS_A_TURN; turn++) {
        if (self->state > JF_CELL_UP || self->is_paused || is_flooding(self)) return;
        cell_packet *packet = self->deferred;
        if (packet != NULL) {
            self->deferred = packet->next;
            if (self->deferred == NULL) self->deferred_last = &self->deferred;
        } else {
            packet = self->spare != NULL ? self->spare : cell_packet_new();
            self->spare = NULL;
            const char *bad = NULL;
            int got = packet != NULL ? cell_link_receive(&self->link, packet, &bad) : CELL_NOTHING;
            if (got == CELL_RECEIVED) {
                self->bytes_in += packet->used;
                self->window_bytes += packet->used;
                for (uint32_t i = 0; i < packet->body_count; i++)
                    self->window_bytes += packet->bodies[i].mapped;
            } else {
                if (packet != NULL) cell_packet_reset(packet);
                self->spare = packet;
                if (got == CELL_BAD) proxy_lost(self, "it sent %s", bad);
                if (got == CELL_END) proxy_lost(self, "%s", "");
                return;
            }
        }
        bool alive = handle_packet(self, packet, epoch);
        if (packet->refs == 1 && self->spare == NULL) {
            cell_packet_reset(packet);
            self->spare = packet;
        } else {
            cell_packet_free(packet);
        }
        if (!alive) return;
    }
    post_pump(self);
}

void proxy_watch_link(jf_self *self) {
    uint32_t wanted = JF_READABLE | (self->link.is_blocked ? (uint32_t)JF_WRITABLE : 0);
    if (self->link_watch == 0 || self->link_events == wanted || self->link.fd < 0) return;
    self->loop.unwatch(self->loop.context, self->link_watch);
    self->link_watch = 0;
    self->link_events = wanted;
    if (self->loop.watch(self->loop.context, self->link.fd, wanted, proxy_link_ready, self,
                         &self->link_watch) != JF_OK) {
        self->link_watch = 0;
        proxy_lost(self, "its socket cannot be watched");
    }
}

void proxy_link_ready(void *user, uint32_t events) {
    jf_self *self = user;
    if (events & JF_WRITABLE) {
        flush_now(self);
        pthread_mutex_lock(&self->lock);
        bool drained = self->owes_writable && self->link.queued <= self->kind->spawn.limits.queue / 2;
        if (drained) self->owes_writable = false;
        pthread_mutex_unlock(&self->lock);
        if (drained) proxy_drained(self);
    }
    proxy_pump(self);
}
