/* SPDX-License-Identifier: Apache-2.0
 * Mock host: jf.loop/1 on one edge-triggered epoll, with a timer heap and a post queue woken by an eventfd.
 */
#include "mock_internal.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

uint64_t mock_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t jf_mock_now(jf_mock *mock) {
    return mock_clock() + atomic_load(&mock->clock_offset);
}
void jf_mock_advance(jf_mock *mock, uint64_t ns) {
    atomic_fetch_add(&mock->clock_offset, ns);
}
uint64_t jf_mock_longest(jf_mock *mock) {
    return mock->loop.longest_ns;
}

void jf_mock_set_loop(jf_mock *mock, uint32_t index, uint32_t count) {
    mock->loop.index = index;
    mock->loop.count = count;
}

void jf_mock_wake(jf_mock *mock) {
    uint64_t one = 1;
    ssize_t written = write(mock->loop.wake, &one, sizeof one);
    (void)written; /* a full counter wakes just as well */
}

/* ---- Slots with generations ---- */

static jf_ref take_slot(mock_slots *slots, const mock_slot *value) {
    uint32_t index = 0;
    while (index < slots->count && slots->items[index].used)
        index++;
    if (index == slots->count) {
        uint32_t count = slots->count == 0 ? 16 : slots->count * 2;
        mock_slot *items = mock_allocate(count * sizeof *items);
        if (slots->count > 0) memcpy(items, slots->items, slots->count * sizeof *items);
        free(slots->items);
        slots->items = items;
        slots->count = count;
    }
    uint32_t generation = slots->items[index].generation;
    slots->items[index] = *value;
    slots->items[index].generation = generation;
    slots->items[index].used = true;
    slots->used++;
    return (uint64_t)generation << 32 | (index + 1);
}

static mock_slot *slot_of(mock_slots *slots, jf_ref ref) {
    uint64_t index = ref & 0xffffffffu;
    if (index == 0 || index > slots->count) return NULL;
    mock_slot *slot = &slots->items[index - 1];
    return slot->used && slot->generation == (uint32_t)(ref >> 32) ? slot : NULL;
}

static void free_slot(mock_slots *slots, mock_slot *slot) {
    slot->used = false;
    slot->generation++;
    slots->used--;
}

/* ---- jf.loop/1 ---- */

static int32_t watch(void *context, int32_t fd, uint32_t events, jf_ready_fn ready, void *user, jf_ref *out) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.loop/1 watch");
    if (ready == NULL || out == NULL || (events & ~(uint32_t)(JF_READABLE | JF_WRITABLE)) != 0) {
        mock_problem(mock, "jf.loop/1 watch: wrong arguments (events 0x%x)", events);
        return JF_E_INVALID;
    }
    mock_slot slot = {.fd = fd, .ready = ready, .user = user};
    jf_ref ref = take_slot(&mock->loop.watches, &slot);
    struct epoll_event event = {.events = EPOLLET | EPOLLRDHUP, .data.u64 = ref};
    if (events & JF_READABLE) event.events |= EPOLLIN;
    if (events & JF_WRITABLE) event.events |= EPOLLOUT;
    if (epoll_ctl(mock->loop.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        int error = errno;
        free_slot(&mock->loop.watches, slot_of(&mock->loop.watches, ref));
        if (error == EPERM) return JF_E_UNSUPPORTED; /* a regular file */
        mock_problem(mock, "jf.loop/1 watch of fd %d: %s", (int)fd, strerror(error));
        return JF_E_INVALID;
    }
    *out = ref;
    return JF_OK;
}

static void unwatch(void *context, jf_ref ref) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.loop/1 unwatch");
    mock_slot *slot = slot_of(&mock->loop.watches, ref);
    if (slot == NULL) return;
    if (epoll_ctl(mock->loop.epoll, EPOLL_CTL_DEL, slot->fd, NULL) != 0)
        mock_problem(mock, "jf.loop/1 unwatch of fd %d: %s: call it before close", (int)slot->fd,
                     strerror(errno));
    free_slot(&mock->loop.watches, slot); /* events already collected carry the old generation */
}

static bool before(const mock_timer *a, const mock_timer *b) {
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->sequence < b->sequence;
}

static void push_timer(mock_loop *loop, mock_timer timer) {
    if (loop->heap_count == loop->heap_capacity) {
        loop->heap_capacity = loop->heap_capacity == 0 ? 16 : loop->heap_capacity * 2;
        mock_timer *heap = mock_allocate(loop->heap_capacity * sizeof *heap);
        if (loop->heap_count > 0) memcpy(heap, loop->heap, loop->heap_count * sizeof *heap);
        free(loop->heap);
        loop->heap = heap;
    }
    uint32_t at = loop->heap_count++;
    while (at > 0 && before(&timer, &loop->heap[(at - 1) / 2])) {
        loop->heap[at] = loop->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    loop->heap[at] = timer;
}

static void pop_timer(mock_loop *loop) {
    mock_timer last = loop->heap[--loop->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= loop->heap_count) break;
        if (child + 1 < loop->heap_count && before(&loop->heap[child + 1], &loop->heap[child])) child++;
        if (!before(&loop->heap[child], &last)) break;
        loop->heap[at] = loop->heap[child];
        at = child;
    }
    if (loop->heap_count > 0) loop->heap[at] = last;
}

static int32_t timer(void *context, uint64_t delay_ns, jf_task_fn fire, void *user, jf_ref *out) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.loop/1 timer");
    if (fire == NULL || out == NULL) {
        mock_problem(mock, "jf.loop/1 timer: no function or no place for its handle");
        return JF_E_INVALID;
    }
    mock_slot slot = {.fire = fire, .user = user};
    uint64_t now = jf_mock_now(mock), deadline = now + delay_ns;
    if (deadline < now) deadline = UINT64_MAX;
    *out = take_slot(&mock->loop.timers, &slot);
    push_timer(&mock->loop, (mock_timer){deadline, mock->loop.sequence++, *out});
    return JF_OK;
}

static void cancel(void *context, jf_ref ref) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.loop/1 cancel");
    mock_slot *slot = slot_of(&mock->loop.timers, ref);
    if (slot != NULL) free_slot(&mock->loop.timers, slot); /* its heap entry is skipped when it comes up */
}

static int32_t post(void *context, jf_task_fn task, void *user) {
    jf_mock *mock = context;
    mock_loop *loop = &mock->loop;
    if (task == NULL) {
        mock_problem(mock, "jf.loop/1 post: no function");
        return JF_E_INVALID;
    }
    mock_lock(mock);
    if (loop->task_count == loop->task_capacity) {
        loop->task_capacity = loop->task_capacity == 0 ? 16 : loop->task_capacity * 2;
        mock_task *tasks = mock_allocate(loop->task_capacity * sizeof *tasks);
        if (loop->task_count > 0) memcpy(tasks, loop->tasks, loop->task_count * sizeof *tasks);
        free(loop->tasks);
        loop->tasks = tasks;
    }
    loop->tasks[loop->task_count++] = (mock_task){task, user};
    mock_unlock(mock);
    jf_mock_wake(mock);
    return JF_OK;
}

static uint64_t batch_start(void *context) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.loop/1 now");
    return mock->loop.busy ? mock->loop.batch_ns : jf_mock_now(mock);
}

static uint32_t loop_index(void *context, uint32_t *count) {
    jf_mock *mock = context;
    if (count != NULL) *count = mock->loop.count;
    return mock->loop.index;
}

/* ---- Running ---- */

static void timed(jf_mock *mock, uint64_t since) {
    uint64_t spent = mock_clock() - since;
    if (spent > mock->loop.longest_ns) mock->loop.longest_ns = spent;
}

/* Runs the tasks that stand in the queue now; what they post runs in the next batch. */
static uint32_t run_tasks(jf_mock *mock) {
    mock_lock(mock);
    mock_task *tasks = mock->loop.tasks;
    uint32_t count = mock->loop.task_count;
    mock->loop.tasks = NULL;
    mock->loop.task_count = mock->loop.task_capacity = 0;
    mock_unlock(mock);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t since = mock_clock();
        tasks[i].run(tasks[i].user);
        timed(mock, since);
    }
    free(tasks);
    return count;
}

void mock_run_posts(jf_mock *mock) {
    for (uint32_t rounds = 0; run_tasks(mock) > 0; rounds++) {
        if (rounds == 1000) {
            mock_problem(mock, "tasks go on posting tasks after stop");
            return;
        }
    }
}

static uint32_t run_timers(jf_mock *mock) {
    mock_loop *loop = &mock->loop;
    uint64_t now = jf_mock_now(mock), limit = loop->sequence;
    uint32_t ran = 0;
    while (loop->heap_count > 0 && loop->heap[0].deadline_ns <= now && loop->heap[0].sequence < limit) {
        mock_slot *slot = slot_of(&loop->timers, loop->heap[0].ref);
        pop_timer(loop);
        if (slot == NULL) continue;
        mock_slot due = *slot;
        free_slot(&loop->timers, slot);
        uint64_t since = mock_clock();
        due.fire(due.user);
        timed(mock, since);
        ran++;
    }
    return ran;
}

static uint32_t run_ready(jf_mock *mock, const struct epoll_event *events, int count) {
    uint32_t ran = 0;
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == 0) {
            uint64_t value;
            ssize_t taken = read(mock->loop.wake, &value, sizeof value);
            (void)taken; /* only empties the counter */
            continue;
        }
        mock_slot *slot = slot_of(&mock->loop.watches, events[i].data.u64);
        if (slot == NULL) continue; /* unwatched earlier in this batch */
        uint32_t happened = 0;
        if (events[i].events & EPOLLIN) happened |= JF_READABLE;
        if (events[i].events & EPOLLOUT) happened |= JF_WRITABLE;
        if (events[i].events & (EPOLLRDHUP | EPOLLHUP)) happened |= JF_HANGUP;
        if (events[i].events & EPOLLERR) happened |= JF_BROKEN;
        uint64_t since = mock_clock();
        slot->ready(slot->user, happened);
        timed(mock, since);
        ran++;
    }
    return ran;
}

/* How long epoll may wait, in ms rounded up, so that a timer never fires early. */
static int wait_for(jf_mock *mock, uint32_t timeout_ms) {
    mock_loop *loop = &mock->loop;
    while (loop->heap_count > 0 && slot_of(&loop->timers, loop->heap[0].ref) == NULL)
        pop_timer(loop);
    mock_lock(mock);
    bool posted = loop->task_count > 0;
    mock_unlock(mock);
    if (posted) return 0;
    uint64_t wait = timeout_ms > 1000000000u ? 1000000000u : timeout_ms;
    if (loop->heap_count > 0) {
        uint64_t now = jf_mock_now(mock), deadline = loop->heap[0].deadline_ns;
        uint64_t left = deadline <= now ? 0 : (deadline - now + 999999u) / 1000000u;
        if (left < wait) wait = left;
    }
    return (int)wait;
}

uint32_t jf_mock_run_once(jf_mock *mock, uint32_t timeout_ms) {
    if (mock->loop.busy) {
        mock_problem(mock, "the loop is run from inside one of its callbacks");
        return 0;
    }
    mock_on_lane(mock, "jf_mock_run_once");
    struct epoll_event events[BATCH];
    int count = epoll_wait(mock->loop.epoll, events, BATCH, wait_for(mock, timeout_ms));
    mock->loop.busy = true;
    mock->loop.batch_ns = jf_mock_now(mock);
    uint32_t ran = run_ready(mock, events, count);
    ran += run_tasks(mock);
    ran += run_timers(mock);
    mock->loop.busy = false;
    return ran;
}

bool jf_mock_run_until(jf_mock *mock, bool (*predicate)(void *user), void *user, uint32_t timeout_ms) {
    uint64_t end = mock_clock() + (uint64_t)timeout_ms * 1000000u;
    for (;;) {
        if (predicate != NULL && predicate(user)) return true;
        uint64_t now = mock_clock();
        if (now >= end) return false;
        jf_mock_run_once(mock, (uint32_t)((end - now + 999999u) / 1000000u));
    }
}

void jf_mock_settle(jf_mock *mock) {
    for (uint32_t rounds = 0; rounds < 100000; rounds++) {
        if (jf_mock_run_once(mock, 0) == 0) return;
    }
    mock_problem(mock, "the loop never settles: something is ready again and again");
}

void mock_loop_open(jf_mock *mock) {
    mock_loop *loop = &mock->loop;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->count = 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 0};
    if (loop->epoll < 0 || loop->wake < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) != 0) {
        perror("jf_mock: event loop");
        abort();
    }
    mock->loop_table = (jf_loop_1){.size = sizeof(jf_loop_1),
                                   .context = mock,
                                   .watch = watch,
                                   .unwatch = unwatch,
                                   .timer = timer,
                                   .cancel = cancel,
                                   .post = post,
                                   .now = batch_start,
                                   .index = loop_index};
}

/* After destroy (or a failed create) nothing of the instance may stand in the loop. */
void mock_loop_check(jf_mock *mock) {
    mock_loop *loop = &mock->loop;
    for (uint32_t i = 0; i < loop->watches.count; i++) {
        mock_slot *slot = &loop->watches.items[i];
        if (!slot->used) continue;
        mock_problem(mock, "fd %d is still watched after the end", (int)slot->fd);
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, slot->fd, NULL);
        free_slot(&loop->watches, slot);
    }
    if (loop->timers.used > 0) mock_problem(mock, "%u timers are still set after the end", loop->timers.used);
    for (uint32_t i = 0; i < loop->timers.count; i++) {
        if (loop->timers.items[i].used) free_slot(&loop->timers, &loop->timers.items[i]);
    }
    mock_lock(mock);
    uint32_t tasks = loop->task_count;
    loop->task_count = 0;
    mock_unlock(mock);
    if (tasks > 0) mock_problem(mock, "%u tasks were posted after stop", tasks);
}

void mock_loop_close(jf_mock *mock) {
    close(mock->loop.epoll);
    close(mock->loop.wake);
    free(mock->loop.watches.items);
    free(mock->loop.timers.items);
    free(mock->loop.heap);
    free(mock->loop.tasks);
}
