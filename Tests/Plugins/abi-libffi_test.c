/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin abi-libffi: functions that carry data, also after their lease and where memory is never
 * writable and executable; tables that stand in front of others. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jf_check.h"
#include "jf_mock.h"

#include <errno.h>
#include <jackfield/callback.h>
#include <jackfield/interpose.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static jf_mock *begin(const char *config) {
    jf_mock *mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, config)) abort();
    return mock;
}

static const jf_callback_1 *callbacks(jf_mock *mock) {
    const jf_callback_1 *table = jf_mock_facet(mock, JF_CALLBACK_1);
    if (!JF_HAS(table, release)) abort();
    return table;
}

/** Leases a function; NULL where it is refused, jf_mock_why then says why. */
static jf_code_fn leased(jf_mock *mock, const char *shape, jf_callback_fn call, void *user, uint64_t idle,
                         jf_callback_ended_fn ended, jf_ref *lease) {
    const jf_callback_1 *table = callbacks(mock);
    jf_callback_request request = {.size = sizeof request,
                                   .shape = jf_mock_view(shape),
                                   .call = call,
                                   .ended = ended,
                                   .user = user,
                                   .idle = idle};
    jf_code_fn code = NULL;
    int32_t status = table->lease(table->context, &request, &code, lease, jf_mock_fault(mock));
    return status == JF_OK ? code : NULL;
}

static int32_t released(jf_mock *mock, jf_ref lease, uint32_t flags) {
    const jf_callback_1 *table = callbacks(mock);
    return table->release(table->context, lease, flags);
}

static void count_end(void *user) {
    ++*(int *)user;
}

/* ---- functions ---- */

/* Descending for a user of -1. */
static void compare(void *user, void *const *arguments, void *result) {
    int a = **(int **)arguments[0], b = **(int **)arguments[1];
    int32_t order = (a > b) - (a < b);
    order *= *(int *)user;
    memcpy(result, &order, sizeof order);
}

TEST(a_comparator_carries_its_direction) {
    jf_mock *mock = begin("{}");
    int directions[] = {1, -1}, numbers[] = {3, 1, 2};
    jf_ref leases[2];
    for (int i = 0; i < 2; i++) {
        jf_code_fn code = leased(mock, "i32(pointer,pointer)", compare, &directions[i], 0, NULL, &leases[i]);
        REQUIRE(code != NULL, "%s", jf_mock_why(mock));
        qsort(numbers, 3, sizeof numbers[0], (int (*)(const void *, const void *))code);
        CHECK(numbers[0] == (i == 0 ? 1 : 3) && numbers[1] == 2, "%d %d", numbers[0], numbers[1]);
    }
    for (int i = 0; i < 2; i++)
        CHECK(released(mock, leases[i], JF_CALLBACK_FORGOTTEN) == JF_OK, "release");
    CHECK(released(mock, leases[0], 0) == JF_E_STALE, "a second release");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

typedef struct seen {
    int8_t a;
    uint16_t b;
    float c;
    double d;
    int64_t e;
    jf_view f;
    uint8_t g;
} seen;

static void see(void *user, void *const *arguments, void *result) {
    seen *it = user;
    memcpy(&it->a, arguments[0], 1), memcpy(&it->b, arguments[1], 2), memcpy(&it->c, arguments[2], 4);
    memcpy(&it->d, arguments[3], 8), memcpy(&it->e, arguments[4], 8), memcpy(&it->f, arguments[5], 16);
    memcpy(&it->g, arguments[6], 1);
    int16_t answer = -300;
    memcpy(result, &answer, sizeof answer);
}

TEST(every_type_comes_in_its_own_width) {
    jf_mock *mock = begin("{}");
    seen got = {0};
    jf_ref lease;
    int16_t (*code)(int8_t, uint16_t, float, double, int64_t, jf_view, uint8_t) =
        (int16_t(*)(int8_t, uint16_t, float, double, int64_t, jf_view, uint8_t))leased(
            mock, "i16(i8,u16,f32,f64,i64,view,u8)", see, &got, 0, NULL, &lease);
    REQUIRE(code != NULL, "%s", jf_mock_why(mock));
    int16_t answer = code(-5, 60000, 1.5f, -2.25, INT64_MIN, jf_mock_view("hello"), 200);
    CHECK(answer == -300, "%d", answer);
    CHECK(got.a == -5 && got.b == 60000 && got.c == 1.5f && got.d == -2.25 && got.e == INT64_MIN, "scalars");
    CHECK(got.f.len == 5 && memcmp(got.f.ptr, "hello", 5) == 0 && got.g == 200, "view");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

static void answer_f64(void *user, void *const *arguments, void *result) {
    (void)arguments;
    memcpy(result, user, 8);
}
static void answer_f32(void *user, void *const *arguments, void *result) {
    (void)arguments;
    memcpy(result, user, 4);
}

TEST(results_of_every_kind) {
    jf_mock *mock = begin("{}");
    jf_ref lease;
    double real = 2.5, *at = &real;
    float narrow = -0.5f;
    double (*f64)(void) = (double (*)(void))leased(mock, "f64()", answer_f64, &real, 0, NULL, &lease);
    float (*f32)(void) = (float (*)(void))leased(mock, "f32()", answer_f32, &narrow, 0, NULL, &lease);
    void *(*pointer)(void) = (void *(*)(void))leased(mock, "pointer()", answer_f64, &at, 0, NULL, &lease);
    REQUIRE(f64 != NULL && f32 != NULL && pointer != NULL, "%s", jf_mock_why(mock));
    CHECK(f64() == 2.5 && f32() == -0.5f && pointer() == at, "%g %g", f64(), (double)f32());
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(shapes_that_are_none) {
    static const struct {
        const char *shape, *says;
    } cases[] = {{"", "a shape is missing"},
                 {"i32", "at byte 3: '(' is missing"},
                 {"int(pointer)", "at byte 0: a type is missing"},
                 {"i32(pointer", "at byte 11: ',' or ')' is missing"},
                 {"i32(void)", "at byte 4: void can be the result only"},
                 {"view(pointer)", "a view can be a parameter only"},
                 {"i32(pointer, u64)", "at byte 12: a type is missing"},
                 {"i32(u8)x", "at byte 7: nothing may follow"},
                 {"i32(u8,)", "at byte 7: a type is missing"},
                 {"i32(u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8)", "more than 16 parameters"}};
    jf_mock *mock = begin("{}");
    jf_ref lease;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(leased(mock, cases[i].shape, compare, NULL, 0, NULL, &lease) == NULL, "%s", cases[i].shape);
        CHECK(strstr(jf_mock_why(mock), cases[i].says) != NULL, "%s: %s", cases[i].shape, jf_mock_why(mock));
    }
    CHECK(leased(mock, "i32()", NULL, NULL, 0, NULL, &lease) == NULL, "nothing to call");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/* ---- the end of a lease ---- */

TEST(what_was_released_answers_idle) {
    jf_mock *mock = begin("{\"callbacks\":2}");
    int direction = 1, ends = 0, a = 1, b = 2;
    jf_ref first, second, third;
    jf_code_fn code = leased(mock, "i32(pointer,pointer)", compare, &direction, 7, NULL, &first);
    int (*function)(int *, int *) = (int (*)(int *, int *))code;
    CHECK(function(&a, &b) == -1, "before");
    CHECK(released(mock, first, 0) == JF_OK, "release");
    CHECK(function(&a, &b) == 7, "after: a library may still hold it");
    /* It is not given to anybody else. */
    jf_code_fn other = leased(mock, "i32(pointer,pointer)", compare, &direction, 9, count_end, &second);
    CHECK(other != NULL && other != code, "another function");
    CHECK(leased(mock, "i32(pointer,pointer)", compare, &ends, 0, NULL, &third) == NULL, "beyond the limit");
    CHECK(strstr(jf_mock_why(mock), "2 functions") != NULL, "%s", jf_mock_why(mock));
    jf_mock_destroy(mock);
    CHECK(function(&a, &b) == 7, "after the instance");
    CHECK(((int (*)(int *, int *))other)(&a, &b) == 9, "never released");
    CHECK(direction == 2, "its end was told: %d", direction);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(what_is_forgotten_is_used_again) {
    jf_mock *mock = begin("{\"callbacks\":1}");
    int direction = 1, ends = 0, a = 1, b = 2;
    jf_code_fn first = NULL;
    for (int i = 0; i < 1000; i++) {
        jf_ref lease;
        jf_code_fn code = leased(mock, "i32(pointer,pointer)", compare, &direction, 0, NULL, &lease);
        REQUIRE(code != NULL, "%s", jf_mock_why(mock));
        if (first == NULL) first = code;
        CHECK(code == first, "the same one");
        CHECK(((int (*)(int *, int *))code)(&a, &b) == -1, "call %d", i);
        CHECK(released(mock, lease, JF_CALLBACK_FORGOTTEN) == JF_OK, "release");
    }
    /* Another shape takes its place rather than failing. */
    jf_ref lease;
    CHECK(leased(mock, "void()", see, &ends, 0, count_end, &lease) != NULL, "%s", jf_mock_why(mock));
    CHECK(released(mock, lease, JF_CALLBACK_FORGOTTEN) == JF_OK && ends == 1, "%d", ends);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

typedef struct inside {
    jf_mock *mock;
    jf_ref lease;
    int32_t status;
    int ends, ends_inside;
} inside;

static void end_inside(void *user) {
    ((inside *)user)->ends++;
}

static void release_inside(void *user, void *const *arguments, void *result) {
    inside *it = user;
    (void)arguments, (void)result;
    it->status = released(it->mock, it->lease, JF_CALLBACK_FORGOTTEN);
    it->ends_inside = it->ends;
}

TEST(a_function_may_end_itself) {
    inside it = {.mock = begin("{}")};
    jf_code_fn code = leased(it.mock, "void()", release_inside, &it, 0, end_inside, &it.lease);
    REQUIRE(code != NULL, "%s", jf_mock_why(it.mock));
    code();
    CHECK(it.status == JF_PENDING && it.ends_inside == 0, "it runs: %d", (int)it.status);
    CHECK(it.ends == 1, "it has ended: %d", it.ends);
    CHECK(jf_mock_free(it.mock) == 0, "the plugin broke a rule");
}

/** A call that waits on another thread until it is let go. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, may_leave;
    jf_code_fn code;
    int32_t answer;
    _Atomic int ends;
} gate;

static void wait_at_gate(void *user, void *const *arguments, void *result) {
    gate *it = user;
    int32_t answer = 42;
    (void)arguments;
    pthread_mutex_lock(&it->lock);
    it->entered = true;
    pthread_cond_broadcast(&it->changed);
    while (!it->may_leave)
        pthread_cond_wait(&it->changed, &it->lock);
    pthread_mutex_unlock(&it->lock);
    memcpy(result, &answer, sizeof answer);
}

static void gate_ended(void *user) {
    ((gate *)user)->ends++;
}

static void *call_gate(void *user) {
    gate *it = user;
    it->answer = ((int32_t(*)(void))it->code)();
    return NULL;
}

static void let_in(gate *it, pthread_t *thread) {
    if (pthread_create(thread, NULL, call_gate, it) != 0) abort();
    pthread_mutex_lock(&it->lock);
    while (!it->entered)
        pthread_cond_wait(&it->changed, &it->lock);
    pthread_mutex_unlock(&it->lock);
}

static void let_go(gate *it, pthread_t thread) {
    pthread_mutex_lock(&it->lock);
    it->may_leave = true;
    pthread_cond_broadcast(&it->changed);
    pthread_mutex_unlock(&it->lock);
    pthread_join(thread, NULL);
}

TEST(a_lease_ends_with_its_last_call) {
    jf_mock *mock = begin("{\"callbacks\":1}");
    gate it = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    jf_ref lease, next;
    pthread_t thread;
    it.code = leased(mock, "i32()", wait_at_gate, &it, 5, gate_ended, &lease);
    REQUIRE(it.code != NULL, "%s", jf_mock_why(mock));
    let_in(&it, &thread);
    CHECK(released(mock, lease, JF_CALLBACK_FORGOTTEN) == JF_PENDING && it.ends == 0, "a call is inside");
    CHECK(((int32_t(*)(void))it.code)() == 5, "a call that comes now");
    CHECK(leased(mock, "i32()", see, NULL, 0, NULL, &next) == NULL, "not free yet");
    let_go(&it, thread);
    CHECK(it.answer == 42 && it.ends == 1, "%d, %d ends", (int)it.answer, it.ends);
    CHECK(leased(mock, "i32()", see, NULL, 0, NULL, &next) == it.code, "free now: %s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(the_plugin_may_go_while_a_call_runs) {
    jf_mock *mock = begin("{}");
    gate it = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    jf_ref lease;
    pthread_t thread;
    it.code = leased(mock, "i32()", wait_at_gate, &it, 5, gate_ended, &lease);
    REQUIRE(it.code != NULL, "%s", jf_mock_why(mock));
    let_in(&it, &thread);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
    let_go(&it, thread);
    CHECK(it.answer == 42 && it.ends == 1, "%d, %d ends", (int)it.answer, it.ends);
    CHECK(((int32_t(*)(void))it.code)() == 5, "idle");
}

/* Threads that lease, call and release at once; each end comes once. */
typedef struct race {
    jf_mock *mock;
    _Atomic uint64_t calls, ends, wrong;
} race;

static void race_call(void *user, void *const *arguments, void *result) {
    race *it = user;
    it->calls++;
    memcpy(result, arguments[0], 8);
}
static void race_end(void *user) {
    ((race *)user)->ends++;
}

static void *race_run(void *user) {
    race *it = user;
    const jf_callback_1 *table = callbacks(it->mock);
    for (int i = 0; i < 2000; i++) {
        jf_callback_request request = {.size = sizeof request,
                                       .shape = jf_mock_view(i % 3 == 0 ? "u64(u64)" : "u64(u64,pointer)"),
                                       .call = race_call,
                                       .ended = race_end,
                                       .user = it};
        jf_code_fn code;
        jf_ref lease;
        jf_fault why = {.size = sizeof why};
        if (table->lease(table->context, &request, &code, &lease, &why) != JF_OK ||
            ((uint64_t(*)(uint64_t, void *))code)((uint64_t)i, NULL) != (uint64_t)i ||
            table->release(table->context, lease, JF_CALLBACK_FORGOTTEN) != JF_OK)
            it->wrong++;
    }
    return NULL;
}

TEST(threads_lease_at_once) {
    race it = {.mock = begin("{\"kept\":2}")};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, race_run, &it) != 0) abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(it.calls == 8000 && it.ends == 8000 && it.wrong == 0, "%llu calls, %llu ends, %llu wrong",
          (unsigned long long)it.calls, (unsigned long long)it.ends, (unsigned long long)it.wrong);
    CHECK(jf_mock_free(it.mock) == 0, "the plugin broke a rule");
}

/* Where memory that was writable never becomes executable. */
TEST(without_writable_code) {
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_MDWE, 1ul, 0ul, 0ul, 0ul) != 0) _exit(77); /* the kernel is older than 6.3 */
        jf_mock *mock = begin("{}");
        int direction = -1, a = 1, b = 2;
        jf_ref lease;
        jf_code_fn code = leased(mock, "i32(pointer,pointer)", compare, &direction, 0, NULL, &lease);
        if (code == NULL) {
            /* Refused is an answer too, if it says why. */
            _exit(strstr(jf_mock_why(mock), "may not make functions") != NULL ? 78 : 2);
        }
        _exit(((int (*)(int *, int *))code)(&a, &b) == 1 ? 0 : 3);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status), "%d", status);
    int code = WEXITSTATUS(status);
    CHECK(code == 0 || code == 77 || code == 78, "%d", code);
}

/* ---- tables ---- */

/** A third party's table, as its plugin has it. */
typedef struct ranker {
    uint32_t size;
    uint32_t flags;
    void *context;
    int32_t (*rank)(void *context, jf_view query, uint32_t count, uint32_t *chosen, jf_fault *why);
    void (*forget)(void *context, jf_ref what);
    double (*weight)(void *context, double of);
    int32_t (*later)(void *context); /* newer than what is described */
    uint64_t data;                   /* no slot at all */
} ranker;

static int forgotten;

static int32_t rank(void *context, jf_view query, uint32_t count, uint32_t *chosen, jf_fault *why) {
    (void)why;
    *chosen = (uint32_t)query.len % count + *(uint32_t *)context;
    return query.len == 0 ? JF_E_INVALID : JF_OK;
}
static void forget(void *context, jf_ref what) {
    (void)context;
    forgotten = (int)what;
}
static double weight(void *context, double of) {
    (void)context;
    return of / 2;
}
static int32_t later(void *context) {
    return *(int32_t *)context + 1000;
}

typedef struct watcher {
    uint32_t begun[4], ended[4];
    int32_t refuse, last;
    double last_real;
    bool had_result;
    uint64_t note;
} watcher;

static int32_t before(void *user, uint32_t slot, void *const *arguments, uint64_t *note) {
    watcher *it = user;
    it->begun[slot]++;
    note[3] = 0x1234 + slot + (*(void **)arguments[0] == NULL);
    return it->refuse;
}
static void after(void *user, uint32_t slot, void *const *arguments, const void *result,
                  const uint64_t *note) {
    watcher *it = user;
    (void)arguments;
    it->ended[slot]++;
    it->note = note[3];
    it->had_result = result != NULL;
    if (slot == 0) memcpy(&it->last, result, sizeof it->last);
    if (slot == 2) memcpy(&it->last_real, result, sizeof it->last_real);
}

static const jf_interpose_1 *interposer(jf_mock *mock) {
    const jf_interpose_1 *table = jf_mock_facet(mock, JF_INTERPOSE_1);
    if (!JF_HAS(table, unwrap)) abort();
    return table;
}

static const char *const ranker_shapes[] = {"i32(pointer,view,u32,pointer,pointer)", "void(pointer,u64)",
                                            "f64(pointer,f64)"};

/** Wraps a table of `size` bytes; NULL where it is refused. */
static const ranker *wrapped(jf_mock *mock, const ranker *table, const char *const *shapes, uint64_t count,
                             watcher *it, jf_ref *handle) {
    const jf_interpose_1 *service = interposer(mock);
    jf_view views[JF_INTERPOSE_SLOTS + 1] = {0};
    for (uint64_t i = 0; i < count && i < 3; i++)
        views[i] = shapes[i] == NULL ? (jf_view){0} : jf_mock_view(shapes[i]);
    jf_interpose_plan plan = {
        .size = sizeof plan, .shapes = views, .count = count, .before = before, .after = after, .user = it};
    const void *out = NULL;
    int32_t status = service->wrap(service->context, &plan, table, &out, handle, jf_mock_fault(mock));
    return status == JF_OK ? out : NULL;
}

static uint32_t offset = 100;

static ranker whole(void) {
    return (ranker){.size = sizeof(ranker),
                    .flags = 5,
                    .context = &offset,
                    .rank = rank,
                    .forget = forget,
                    .weight = weight,
                    .later = later,
                    .data = 99};
}

TEST(a_table_stands_in_front) {
    jf_mock *mock = begin("{}");
    ranker real = whole();
    watcher it = {0};
    jf_ref handle;
    jf_fault why = {.size = sizeof why};
    uint32_t chosen = 0;
    const ranker *table = wrapped(mock, &real, ranker_shapes, 3, &it, &handle);
    REQUIRE(table != NULL, "%s", jf_mock_why(mock));
    CHECK(table->size == sizeof real && table->flags == 5 && table->context == &offset, "head");
    CHECK(table->rank != rank && table->forget != forget && table->weight != weight, "watched");
    CHECK(table->later == later && table->data == 99, "what is not described passes through");
    CHECK(table->rank(table->context, jf_mock_view("seven77"), 5, &chosen, &why) == JF_OK, "rank");
    CHECK(chosen == 102 && it.begun[0] == 1 && it.ended[0] == 1 && it.note == 0x1234, "%u", chosen);
    CHECK(table->rank(table->context, jf_mock_view(""), 5, &chosen, &why) == JF_E_INVALID, "its own error");
    CHECK(it.last == JF_E_INVALID && it.had_result, "seen: %d", (int)it.last);
    table->forget(table->context, 17);
    CHECK(forgotten == 17 && it.ended[1] == 1 && !it.had_result, "void");
    CHECK(table->weight(table->context, 5) == 2.5 && it.last_real == 2.5, "f64: %g", it.last_real);
    CHECK(table->later(table->context) == 1100, "later");
    /* A refusal: a status where there is one, else nothing. */
    it.refuse = JF_E_BUSY;
    chosen = 0;
    CHECK(table->rank(table->context, jf_mock_view("x"), 5, &chosen, &why) == JF_E_BUSY, "refused");
    CHECK(chosen == 0 && it.last == JF_E_BUSY, "not called, but told: %d", (int)it.last);
    CHECK(table->weight(table->context, 5) == 0, "zero");
    forgotten = 0;
    table->forget(table->context, 18);
    CHECK(forgotten == 0, "not called");
    CHECK(interposer(mock)->unwrap(interposer(mock)->context, handle) == JF_OK, "unwrap");
    CHECK(interposer(mock)->unwrap(interposer(mock)->context, handle) == JF_E_STALE, "twice");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(smaller_tables_and_holes) {
    static const char *const holes[] = {"i32(pointer,view,u32,pointer,pointer)", NULL, "f64(pointer,f64)"};
    jf_mock *mock = begin("{}");
    watcher it = {0};
    jf_ref handle;
    ranker real = whole();
    real.size = offsetof(ranker, forget);
    const ranker *table = wrapped(mock, &real, ranker_shapes, 3, &it, &handle);
    REQUIRE(table != NULL && table->size == offsetof(ranker, forget), "%s", jf_mock_why(mock));
    CHECK(table->rank != rank, "what is there is watched");
    real = whole();
    real.rank = NULL;
    table = wrapped(mock, &real, holes, 3, &it, &handle);
    REQUIRE(table != NULL, "%s", jf_mock_why(mock));
    CHECK(table->rank == NULL && table->forget == forget && table->weight != weight, "holes stay");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(tables_that_are_refused) {
    static const char *const no_context[] = {"i32(u64)"}, *const none[] = {"i32(size)"};
    jf_mock *mock = begin("{\"tables\":1}");
    watcher it = {0};
    jf_ref handle;
    ranker real = whole();
    CHECK(wrapped(mock, &real, no_context, 1, &it, &handle) == NULL, "no context");
    CHECK(strstr(jf_mock_why(mock), "slot 0: its first parameter is the context") != NULL, "%s",
          jf_mock_why(mock));
    CHECK(wrapped(mock, &real, none, 1, &it, &handle) == NULL, "no shape");
    CHECK(strstr(jf_mock_why(mock), "at byte 4") != NULL, "%s", jf_mock_why(mock));
    CHECK(wrapped(mock, &real, ranker_shapes, JF_INTERPOSE_SLOTS + 1, &it, &handle) == NULL, "too many");
    real.size = 8;
    CHECK(wrapped(mock, &real, ranker_shapes, 3, &it, &handle) == NULL, "no table");
    CHECK(strstr(jf_mock_why(mock), "8 bytes") != NULL, "%s", jf_mock_why(mock));
    real = whole();
    CHECK(wrapped(mock, &real, ranker_shapes, 3, &it, &handle) != NULL, "%s", jf_mock_why(mock));
    jf_ref second;
    CHECK(wrapped(mock, &real, ranker_shapes, 3, &it, &second) == NULL, "beyond the limit");
    CHECK(strstr(jf_mock_why(mock), "1 tables") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

static gate *in_slot;

static int32_t slow_rank(void *context, jf_view query, uint32_t count, uint32_t *chosen, jf_fault *why) {
    int32_t answer;
    (void)context, (void)query, (void)count, (void)chosen, (void)why;
    wait_at_gate(in_slot, NULL, &answer);
    return answer;
}

static const ranker *gated;

static void *call_gated(void *user) {
    gate *it = user;
    it->answer = gated->rank(gated->context, (jf_view){0}, 1, NULL, NULL);
    return NULL;
}

TEST(a_table_is_kept_while_a_call_is_in_it) {
    jf_mock *mock = begin("{}");
    gate it = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    static watcher seen;
    jf_ref handle;
    pthread_t thread;
    ranker real = whole();
    real.rank = slow_rank;
    in_slot = &it;
    gated = wrapped(mock, &real, ranker_shapes, 3, &seen, &handle);
    REQUIRE(gated != NULL, "%s", jf_mock_why(mock));
    if (pthread_create(&thread, NULL, call_gated, &it) != 0) abort();
    pthread_mutex_lock(&it.lock);
    while (!it.entered)
        pthread_cond_wait(&it.changed, &it.lock);
    pthread_mutex_unlock(&it.lock);
    CHECK(interposer(mock)->unwrap(interposer(mock)->context, handle) == JF_PENDING, "a call is inside");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
    let_go(&it, thread);
    CHECK(it.answer == 42 && seen.ended[0] == 1, "%d", (int)it.answer);
}

/* Where no memory becomes executable at all, as under a strict system call filter. */
TEST(without_code) {
    pid_t child = fork();
    if (child == 0) {
        /* EPERM for mmap and mprotect with PROT_EXEC, whose third argument it is in both. */
        struct sock_filter program[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
            BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_fprog filter = {sizeof program / sizeof program[0], program};
        jf_mock *mock = begin("{\"callbacks\":100000}");
        jf_ref lease, handle;
        watcher it = {0};
        ranker real = whole();
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
            _exit(77); /* a kernel without filters */
        /* What the parent has left of its pages is used up first. */
        int left = 99999;
        while (left > 0 && leased(mock, "void()", see, NULL, 0, NULL, &lease) != NULL)
            left--;
        if (left == 0) _exit(2);
        if (strstr(jf_mock_why(mock), "may not make functions at run time") == NULL) _exit(3);
        if (wrapped(mock, &real, ranker_shapes, 3, &it, &handle) != NULL) _exit(4);
        if (strstr(jf_mock_why(mock), "may not make functions at run time") == NULL) _exit(5);
        _exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status), "%d", status);
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77, "%d", WEXITSTATUS(status));
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
