/* SPDX-License-Identifier: Apache-2.0
 * Cell: jf.loop/1 on one epoll of the cell's own, with a timer heap and a post queue woken by an eventfd. */
#define _GNU_SOURCE
#include "cell.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 64
/* Tags of the cell's own descriptors; handles of watches are never so small. */
#define TAG_WAKE 1u
#define TAG_SOCKET 2u

/* A watch or a timer. Its handle is index + 1 with the generation above. */
typedef struct slot {
    uint32_t generation;
    bool used;
    int32_t fd;
    jf_ready_fn ready;
    jf_task_fn fire;
    void *user;
    uint32_t next_free;
} slot;

typedef struct slots {
    slot *items;
    uint32_t count, first_free; /**< index + 1, 0: none */
} slots;

typedef struct timer_entry {
    uint64_t deadline;
    jf_ref handle;
} timer_entry;

typedef struct task {
    jf_task_fn run;
    void *user;
} task;

static int epoll_fd = -1, wake_fd = -1;
static slots watches, timers;
static timer_entry *heap;
static uint32_t heap_count, heap_capacity;
static task *tasks;
static uint32_t task_count, task_capacity;
static uint64_t batch_ns;
static bool wants_room;

static slot *slot_of(const slots *all, jf_ref handle) {
    uint64_t index = handle & 0xffffffffu;
    if (index == 0 || index > all->count) return NULL;
    slot *it = &all->items[index - 1];
    return it->used && it->generation == (uint32_t)(handle >> 32) ? it : NULL;
}

static jf_ref take_slot(slots *all, const slot *value) {
    if (all->first_free == 0) {
        uint32_t count = all->count == 0 ? 16 : all->count * 2;
        slot *items = realloc(all->items, count * sizeof *items);
        if (items == NULL) return 0;
        memset(items + all->count, 0, (count - all->count) * sizeof *items);
        for (uint32_t i = count; i > all->count; i--) {
            items[i - 1].generation = 1;
            items[i - 1].next_free = all->first_free;
            all->first_free = i;
        }
        all->items = items;
        all->count = count;
    }
    uint32_t index = all->first_free;
    slot *it = &all->items[index - 1];
    uint32_t generation = it->generation;
    all->first_free = it->next_free;
    *it = *value;
    it->generation = generation;
    it->used = true;
    return (uint64_t)generation << 32 | index;
}

static void free_slot(slots *all, slot *it) {
    it->used = false;
    if (++it->generation == 0) it->generation = 1;
    it->next_free = all->first_free;
    all->first_free = (uint32_t)(it - all->items) + 1;
}

/* ---- jf.loop/1 ---- */

static int32_t watch(void *context, int32_t fd, uint32_t events, jf_ready_fn ready, void *user, jf_ref *out) {
    (void)context;
    if (ready == NULL || out == NULL) return JF_E_INVALID;
    slot it = {.fd = fd, .ready = ready, .user = user};
    jf_ref handle = take_slot(&watches, &it);
    if (handle == 0) return JF_E_BUSY;
    struct epoll_event event = {.events = EPOLLET | EPOLLRDHUP, .data.u64 = handle};
    if (events & JF_READABLE) event.events |= EPOLLIN;
    if (events & JF_WRITABLE) event.events |= EPOLLOUT;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        int error = errno;
        free_slot(&watches, slot_of(&watches, handle));
        return error == EPERM ? JF_E_UNSUPPORTED : JF_E_INVALID;
    }
    *out = handle;
    return JF_OK;
}

static void unwatch(void *context, jf_ref handle) {
    (void)context;
    slot *it = slot_of(&watches, handle);
    if (it == NULL) return;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, it->fd, NULL);
    free_slot(&watches, it); /* events already collected carry the old generation */
}

static int32_t timer(void *context, uint64_t delay_ns, jf_task_fn fire, void *user, jf_ref *out) {
    (void)context;
    if (fire == NULL || out == NULL) return JF_E_INVALID;
    if (heap_count == heap_capacity) {
        uint32_t capacity = heap_capacity == 0 ? 16 : heap_capacity * 2;
        timer_entry *larger = realloc(heap, capacity * sizeof *larger);
        if (larger == NULL) return JF_E_BUSY;
        heap = larger;
        heap_capacity = capacity;
    }
    slot it = {.fire = fire, .user = user};
    uint64_t now = cell_clock(), deadline = now + delay_ns < now ? UINT64_MAX : now + delay_ns;
    jf_ref handle = take_slot(&timers, &it);
    if (handle == 0) return JF_E_BUSY;
    uint32_t at = heap_count++;
    for (; at > 0 && heap[(at - 1) / 2].deadline > deadline; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = (timer_entry){deadline, handle};
    *out = handle;
    return JF_OK;
}

static void pop_timer(void) {
    timer_entry last = heap[--heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= heap_count) break;
        if (child + 1 < heap_count && heap[child + 1].deadline < heap[child].deadline) child++;
        if (heap[child].deadline >= last.deadline) break;
        heap[at] = heap[child];
        at = child;
    }
    if (heap_count > 0) heap[at] = last;
}

static void cancel(void *context, jf_ref handle) {
    (void)context;
    slot *it = slot_of(&timers, handle);
    if (it != NULL) free_slot(&timers, it); /* its heap entry is skipped when it comes up */
}

static int32_t post(void *context, jf_task_fn run, void *user) {
    int32_t status = JF_OK;
    (void)context;
    if (run == NULL) return JF_E_INVALID;
    pthread_mutex_lock(&cell_here.lock);
    if (task_count == task_capacity) {
        uint32_t capacity = task_capacity == 0 ? 16 : task_capacity * 2;
        task *larger = realloc(tasks, capacity * sizeof *larger);
        if (larger == NULL) status = JF_E_BUSY;
        if (larger != NULL) {
            tasks = larger;
            task_capacity = capacity;
        }
    }
    if (status == JF_OK) tasks[task_count++] = (task){run, user};
    pthread_mutex_unlock(&cell_here.lock);
    if (!cell_on_lane()) cell_loop_wake();
    return status;
}

static uint64_t now(void *context) {
    (void)context;
    return batch_ns != 0 ? batch_ns : cell_clock();
}

static uint32_t lane_index(void *context, uint32_t *count) {
    (void)context;
    if (count != NULL) *count = (uint32_t)cell_here.settings.lanes;
    return (uint32_t)cell_here.settings.lane;
}

const jf_loop_1 cell_loop_table = {.size = sizeof(jf_loop_1),
                                   .watch = watch,
                                   .unwatch = unwatch,
                                   .timer = timer,
                                   .cancel = cancel,
                                   .post = post,
                                   .now = now,
                                   .index = lane_index};

/* ---- Running ---- */

bool cell_loop_open(void) {
    struct epoll_event wake = {.events = EPOLLIN | EPOLLET, .data.u64 = TAG_WAKE};
    struct epoll_event socket = {.events = EPOLLIN, .data.u64 = TAG_SOCKET};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return epoll_fd >= 0 && wake_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &wake) == 0 &&
           epoll_ctl(epoll_fd, EPOLL_CTL_ADD, cell_here.link.fd, &socket) == 0;
}

void cell_loop_wake(void) {
    uint64_t one = 1;
    ssize_t written = write(wake_fd, &one, sizeof one);
    (void)written; /* a full counter wakes just as well */
}

void cell_loop_want_room(bool want) {
    if (want == wants_room) return;
    struct epoll_event socket = {.events = want ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.u64 = TAG_SOCKET};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, cell_here.link.fd, &socket) == 0) wants_room = want;
}

/* Tasks that stand in the queue now; what they post runs in the next batch. */
static void run_tasks(void) {
    pthread_mutex_lock(&cell_here.lock);
    task *taken = tasks;
    uint32_t count = task_count, capacity = task_capacity;
    tasks = NULL;
    task_count = task_capacity = 0;
    pthread_mutex_unlock(&cell_here.lock);
    for (uint32_t i = 0; i < count; i++)
        taken[i].run(taken[i].user);
    pthread_mutex_lock(&cell_here.lock);
    if (tasks == NULL) { /* its memory serves again */
        tasks = taken;
        task_capacity = capacity;
        taken = NULL;
    }
    pthread_mutex_unlock(&cell_here.lock);
    free(taken);
}

static void run_timers(void) {
    if (heap_count == 0) return;
    uint64_t due = cell_clock();
    for (uint32_t most = heap_count; most > 0 && heap_count > 0 && heap[0].deadline <= due; most--) {
        slot *it = slot_of(&timers, heap[0].handle);
        pop_timer();
        if (it == NULL) continue;
        slot fired = *it;
        free_slot(&timers, it);
        fired.fire(fired.user);
    }
}

/* Milliseconds, rounded up so that a timer never fires early; -1: for ever. */
static int wait_time(bool may_wait) {
    while (heap_count > 0 && slot_of(&timers, heap[0].handle) == NULL)
        pop_timer();
    pthread_mutex_lock(&cell_here.lock);
    bool posted = task_count > 0;
    pthread_mutex_unlock(&cell_here.lock);
    if (posted || !may_wait) return 0;
    if (heap_count == 0) return -1;
    uint64_t since = cell_clock();
    if (heap[0].deadline <= since) return 0;
    uint64_t left = (heap[0].deadline - since + 999999u) / 1000000u;
    return left > INT_MAX ? INT_MAX : (int)left;
}

void cell_loop_turn(bool *socket, bool may_wait) {
    struct epoll_event events[BATCH];
    *socket = false;
    int count = epoll_wait(epoll_fd, events, BATCH, wait_time(may_wait));
    batch_ns = cell_clock();
    for (int i = 0; i < count; i++) {
        uint64_t tag = events[i].data.u64;
        uint32_t got = events[i].events, happened = 0;
        if (tag == TAG_WAKE) {
            uint64_t value;
            ssize_t taken = read(wake_fd, &value, sizeof value);
            (void)taken; /* only empties the counter */
            continue;
        }
        if (tag == TAG_SOCKET) {
            *socket = (got & ~(uint32_t)EPOLLOUT) != 0;
            continue;
        }
        slot *it = slot_of(&watches, tag);
        if (it == NULL) continue; /* unwatched earlier in this batch */
        if (got & EPOLLIN) happened |= JF_READABLE;
        if (got & EPOLLOUT) happened |= JF_WRITABLE;
        if (got & (EPOLLRDHUP | EPOLLHUP)) happened |= JF_HANGUP;
        if (got & EPOLLERR) happened |= JF_BROKEN;
        it->ready(it->user, happened);
    }
    run_tasks();
    run_timers();
}
