/* SPDX-License-Identifier: Apache-2.0
 * Cell: the process from its start to its end, frames in and out, asks. */
#define _GNU_SOURCE
#include "cell.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define MS 1000000ull
/* How long the first frame may take: the gateway sends it right after the start. */
#define SETUP_NS (10000 * MS)

jf_host cell_here = {.lock = PTHREAD_MUTEX_INITIALIZER,
                     .answered = PTHREAD_COND_INITIALIZER,
                     .deferred_last = &cell_here.deferred,
                     .log_levels = ~0u};

bool cell_on_lane(void) {
    return pthread_equal(pthread_self(), cell_here.lane) != 0;
}

void cell_die(const char *why) {
    /* The gateway logs what is on standard error, and sees the end by itself. */
    if (why != NULL) {
        ssize_t written = write(2, why, strlen(why));
        written = write(2, "\n", 1);
        (void)written;
    }
    _exit(why != NULL ? 1 : 0);
}

/* ---- Out ---- */

/* With the lock. The lane's frames leave together at the end of its turn. */
static void flush(bool now) {
    if (!now && cell_on_lane() && cell_here.link.first == NULL) return;
    if (!cell_link_flush(&cell_here.link)) cell_die(NULL);
    if (cell_here.link.is_blocked) cell_loop_wake();
}

/* Waits without the lock until the host has taken some of the queue. The cell's own pace suffers, nobody
 * else's. */
static void wait_for_room(void) {
    pthread_mutex_lock(&cell_here.lock);
    while (cell_here.link.queued > cell_here.settings.queue) {
        flush(true);
        if (!cell_here.link.is_blocked) continue;
        pthread_mutex_unlock(&cell_here.lock);
        struct pollfd watched = {.fd = cell_here.link.fd, .events = POLLOUT};
        poll(&watched, 1, 1000);
        if (watched.revents & (POLLHUP | POLLERR)) cell_die(NULL);
        pthread_mutex_lock(&cell_here.lock);
    }
    pthread_mutex_unlock(&cell_here.lock);
}

cell_writer *cell_out(uint16_t type, uint64_t ref, uint64_t number, int32_t status) {
    wait_for_room();
    pthread_mutex_lock(&cell_here.lock);
    cell_writer *out = cell_link_writer(&cell_here.link);
    if (out == NULL)
        pthread_mutex_unlock(&cell_here.lock);
    else
        cell_begin(out, type, ref, number, status, 0);
    return out;
}

bool cell_send(cell_writer *out) {
    bool good = cell_link_end(&cell_here.link, out);
    if (good) flush(false);
    pthread_mutex_unlock(&cell_here.lock);
    return good;
}

cell_writer *cell_answer(const cell_frame *frame, int32_t status) {
    if (frame->head.serial == 0 && (frame->head.flags & CELL_AGAIN) == 0) return NULL;
    cell_writer *out = cell_out(CELL_ANSWER, frame->head.ref, frame->head.type, status);
    if (out == NULL) cell_die("jackfield-cell: out of memory");
    cell_head *head = (cell_head *)(void *)(out->bytes + out->frame); /* frames begin aligned */
    head->serial = frame->head.serial;
    head->flags = frame->head.flags & CELL_AGAIN;
    return out;
}

void cell_answer_plainly(const cell_frame *frame, int32_t status, const jf_fault *why, bool has_bytes) {
    cell_writer *out = cell_answer(frame, status);
    if (out == NULL) return;
    cell_put_fault(out, why);
    if (has_bytes) cell_put_view(out, cell_text(""));
    cell_send(out);
}

/* ---- Asks ---- */

static bool take_answer(const cell_frame *frame) {
    bool taken = false;
    pthread_mutex_lock(&cell_here.lock);
    for (cell_waiting *it = cell_here.waiting; it != NULL && !taken; it = it->next) {
        if (it->is_answered || it->serial != frame->head.serial) continue;
        it->is_answered = taken = true;
        it->packet = frame->packet;
        it->frame = *frame;
        frame->packet->refs++;
        pthread_cond_broadcast(&cell_here.answered);
    }
    pthread_mutex_unlock(&cell_here.lock);
    return taken;
}

cell_writer *cell_ask_out(cell_waiting *waiting, uint16_t type, uint64_t number) {
    *waiting = (cell_waiting){0};
    cell_writer *out = cell_out(type, 0, number, 0);
    if (out == NULL) return NULL;
    if (++cell_here.serial == 0) cell_here.serial = 1;
    waiting->serial = cell_here.serial;
    waiting->next = cell_here.waiting;
    cell_here.waiting = waiting;
    ((cell_head *)(void *)(out->bytes + out->frame))->serial = waiting->serial;
    return out;
}

/* The lane itself receives: answers to whom they belong, the rest for later. */
static void receive_aside(uint64_t until) {
    if (!cell_link_wait(&cell_here.link, false, until, 0)) return;
    cell_packet *packet = cell_packet_new();
    cell_frame frame;
    const char *bad;
    bool rest = false;
    if (packet == NULL) cell_die("jackfield-cell: out of memory");
    int got = cell_link_receive(&cell_here.link, packet, &bad);
    if (got == CELL_END) cell_die(NULL);
    if (got == CELL_BAD) cell_die(bad);
    while (got == CELL_RECEIVED && cell_next_frame(packet, &frame, &bad)) {
        if (frame.head.type == CELL_ANSWER && take_answer(&frame))
            cell_frame_consume(&frame);
        else
            rest = true;
    }
    if (rest) {
        packet->at = packet->body_at = 0;
        packet->refs++;
        packet->next = NULL;
        *cell_here.deferred_last = packet;
        cell_here.deferred_last = &packet->next;
    }
    cell_packet_free(packet);
}

int32_t cell_ask(cell_waiting *waiting, cell_writer *out) {
    uint64_t until = cell_clock() + cell_here.settings.control_ms * MS;
    bool good = cell_link_end(&cell_here.link, out);
    if (good) flush(true);
    while (good && !waiting->is_answered && cell_clock() < until) {
        if (cell_on_lane()) {
            pthread_mutex_unlock(&cell_here.lock);
            receive_aside(until);
            pthread_mutex_lock(&cell_here.lock);
        } else {
            struct timespec nap; /* on the clock of pthread_cond_timedwait */
            clock_gettime(CLOCK_REALTIME, &nap);
            nap.tv_sec += 1;
            pthread_cond_timedwait(&cell_here.answered, &cell_here.lock, &nap);
        }
    }
    for (cell_waiting **it = &cell_here.waiting; *it != NULL; it = &(*it)->next) {
        if (*it != waiting) continue;
        *it = waiting->next;
        break;
    }
    pthread_mutex_unlock(&cell_here.lock);
    if (!good) return JF_E_INVALID;
    return waiting->is_answered ? JF_OK : JF_E_TIMEOUT;
}

/* ---- In ---- */

static void handle_packet(cell_packet *packet) {
    cell_frame frame;
    const char *bad;
    while (cell_next_frame(packet, &frame, &bad)) {
        if (frame.head.type == CELL_NONE) continue;
        if (frame.head.type == CELL_ANSWER)
            take_answer(&frame); /* else too late for who asked */
        else
            cell_handle(&frame);
    }
    if (bad != NULL) cell_die(bad);
}

static void recycle(cell_packet *packet) {
    if (packet->refs == 1 && cell_here.spare == NULL) {
        cell_packet_reset(packet);
        cell_here.spare = packet;
    } else {
        cell_packet_free(packet);
    }
}

static void handle_deferred(void) {
    while (cell_here.deferred != NULL) {
        cell_packet *packet = cell_here.deferred;
        cell_here.deferred = packet->next;
        if (cell_here.deferred == NULL) cell_here.deferred_last = &cell_here.deferred;
        handle_packet(packet);
        cell_packet_free(packet);
    }
}

/* One packet; the socket's readiness is level-triggered, so that the last of them costs no EAGAIN. */
static void receive(void) {
    cell_packet *packet = cell_here.spare != NULL ? cell_here.spare : cell_packet_new();
    const char *bad;
    cell_here.spare = NULL;
    if (packet == NULL) cell_die("jackfield-cell: out of memory");
    int got = cell_link_receive(&cell_here.link, packet, &bad);
    if (got == CELL_END) cell_die(NULL);
    if (got == CELL_BAD) cell_die(bad);
    if (got == CELL_RECEIVED) handle_packet(packet);
    recycle(packet);
}

/* ---- Life ---- */

/* The end of the gateway must be ours, even while a plugin keeps the lane busy. */
static bool bind_to_parent(int fd) {
    struct ucred parent;
    socklen_t size = sizeof parent;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;
    /* The pair's maker is the gateway: has it ended between our start and the line above? */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &parent, &size) != 0) return false;
    return parent.pid == 0 || parent.pid == getppid();
}

static void run(void) {
    bool socket = false;
    while (!cell_here.is_ended) {
        handle_deferred();
        /* What the last turn had to say leaves together, before the wait. */
        pthread_mutex_lock(&cell_here.lock);
        if (!cell_link_flush(&cell_here.link)) cell_die(NULL);
        bool blocked = cell_here.link.is_blocked;
        pthread_mutex_unlock(&cell_here.lock);
        if (cell_here.is_ended) break;
        cell_loop_want_room(blocked);
        cell_loop_turn(&socket, cell_here.deferred == NULL);
        if (socket) receive();
    }
    pthread_mutex_lock(&cell_here.lock);
    while (cell_link_flush(&cell_here.link) && cell_here.link.is_blocked) {
        pthread_mutex_unlock(&cell_here.lock);
        struct pollfd watched = {.fd = cell_here.link.fd, .events = POLLOUT};
        poll(&watched, 1, 100);
        pthread_mutex_lock(&cell_here.lock);
    }
    pthread_mutex_unlock(&cell_here.lock);
}

int jf_cell_run(int fd) {
    cell_frame frame;
    const char *bad = NULL;
    jf_view config;
    jf_fault why = {.size = sizeof why};
    uint64_t slots = 0;
    int32_t status = JF_OK;
    cell_here.lane = pthread_self();
    umask(077);
    /* Language runtimes report crashes by starting programs, which is refused here: the gateway reports them.
     */
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    if (fd < 3) cell_die("jackfield-cell: --run needs a descriptor above 2");
    if (fd > 3) syscall(SYS_close_range, 3u, (unsigned)fd - 1, 0u);
    syscall(SYS_close_range, (unsigned)fd + 1, ~0u, 0u);
    cell_link_open(&cell_here.link, fd);
    if (!bind_to_parent(fd)) cell_die("jackfield-cell: --run is for the gateway, with its socket");

    cell_packet *packet = cell_packet_new();
    if (packet == NULL) cell_die("jackfield-cell: out of memory");
    if (!cell_link_wait(&cell_here.link, false, cell_clock() + SETUP_NS, 0))
        cell_die("jackfield-cell: no setup");
    int got = cell_link_receive(&cell_here.link, packet, &bad);
    if (got == CELL_END) cell_die(NULL);
    if (got != CELL_RECEIVED || !cell_next_frame(packet, &frame, &bad) || frame.head.type != CELL_SETUP)
        cell_die(bad != NULL ? bad : "jackfield-cell: the first frame is no setup");
    if (frame.head.number != CELL_PROTOCOL)
        cell_die("jackfield-cell: it is of another version than the gateway: install both from one build");
    cell_read_setup(&frame, &config);
    if (!cell_loop_open()) cell_die("jackfield-cell: no event loop");
    bad = cell_harden();
    if (bad != NULL)
        status = cell_fault(&why, JF_E_FAULT, 0, 0, "plugin %s: its cell cannot be confined: %s",
                            cell_here.settings.name, bad);
    else
        status = cell_load(config, &why, &slots);
    cell_writer *out = cell_answer(&frame, status);
    if (out != NULL) {
        cell_put_fault(out, &why);
        cell_put_number(out, slots);
        cell_send(out);
    }
    if (status != JF_OK) cell_here.is_ended = true;
    handle_packet(packet); /* what else was in it */
    cell_packet_free(packet);
    run();
    /* Not exit(): the plugin was destroyed, and its library's destructors have nothing to add. */
    _exit(0);
}
