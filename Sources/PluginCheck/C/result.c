/* SPDX-License-Identifier: Apache-2.0
 * Results of a case, also when the plugin takes the process with it. */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static const char *armed_name;
static int armed_report = -1;
static const char *volatile last_step = "its start";
static volatile sig_atomic_t is_over;
static pid_t armed_process;

void check_step(const char *step) {
    last_step = step;
}
const char *check_last_step(void) {
    return last_step;
}

/* ---- While the case runs ---- */

static void record(check *c, int outcome, const char *advice, const char *format, va_list arguments) {
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&turn);
    if (outcome > c->result->outcome) {
        char reason[sizeof c->result->reason]; /* the arguments may quote the reason so far */
        c->result->outcome = outcome;
        vsnprintf(reason, sizeof reason, format, arguments);
        memcpy(c->result->reason, reason, sizeof reason);
        snprintf(c->result->advice, sizeof c->result->advice, "%s", advice);
    }
    pthread_mutex_unlock(&turn);
}

void check_fail(check *c, const char *advice, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(c, CHECK_FAIL, advice, format, arguments);
    va_end(arguments);
}

void check_warn(check *c, const char *advice, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(c, CHECK_WARN, advice, format, arguments);
    va_end(arguments);
}

void check_skip(check *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(c, CHECK_SKIP, "", format, arguments);
    va_end(arguments);
}

bool check_failed(const check *c) {
    return c->result->outcome >= CHECK_FAIL;
}

/* ---- When the process ends first: only what a signal handler may call ---- */

typedef struct line {
    char text[2048];
    size_t length;
} line;

static void put(line *to, const char *text) {
    while (*text != 0 && to->length + 8 < sizeof to->text)
        to->text[to->length++] = *text++;
}

static void put_quoted(line *to, const char *text) {
    put(to, "\"");
    for (; *text != 0 && to->length + 16 < sizeof to->text; text++) {
        if ((unsigned char)*text < 0x20) {
            put(to, " ");
            continue;
        }
        if (*text == '"' || *text == '\\') put(to, "\\");
        to->text[to->length++] = *text;
    }
    put(to, "\"");
}

void check_emit(int outcome, const char *reason, const char *advice) {
    static const char *const names[] = {"pass", "warn", "skip", "fail", "crash"};
    if (armed_report < 0 || is_over || getpid() != armed_process) return;
    is_over = 1;
    line out = {.length = 0};
    put(&out, "\n{\"case\":");
    put_quoted(&out, armed_name);
    put(&out, ",\"outcome\":");
    put_quoted(&out, names[outcome]);
    put(&out, ",\"reason\":");
    put_quoted(&out, reason);
    put(&out, ",\"advice\":");
    put_quoted(&out, advice);
    put(&out, "}\n");
    ssize_t written = write(armed_report, out.text, out.length);
    (void)written; /* nobody is left to tell */
}

static void join(char *to, size_t size, const char *first, const char *second, const char *third) {
    line out = {.length = 0};
    put(&out, first);
    put(&out, second);
    put(&out, third);
    size_t length = out.length < size ? out.length : size - 1;
    memcpy(to, out.text, length);
    to[length] = 0;
}

static const char *name_of(int number) {
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGABRT:
        return "SIGABRT";
    case SIGFPE:
        return "SIGFPE";
    case SIGILL:
        return "SIGILL";
    case SIGTRAP:
        return "SIGTRAP";
    default:
        return "a signal";
    }
}

static void died(int number, siginfo_t *info, void *context) {
    char reason[600], place[400];
    const char *found = NULL;
    if (number == SIGSEGV || number == SIGBUS) {
        bool is_write = false;
#if defined(__x86_64__)
        is_write = (((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
        (void)context;
#endif
        found = check_explain_fault(info->si_addr, is_write, place, sizeof place);
    }
    if (found != NULL) {
        join(reason, sizeof reason, found, " in ", last_step);
        check_emit(CHECK_FAIL, reason,
                   "Views and tables belong to the host: copy what is needed later, stay "
                   "within `len` and `size`, and never write into them.");
    } else {
        line head = {.length = 0};
        put(&head, "it crashed with ");
        put(&head, name_of(number));
        head.text[head.length] = 0;
        join(reason, sizeof reason, head.text, " in ", last_step);
        check_emit(CHECK_CRASH, reason, "Run this case alone under a debugger.");
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void asked(int number) {
    (void)number;
    char reason[600];
    join(reason, sizeof reason, "it did not come back from ", last_step, " in time");
    check_emit(CHECK_FAIL, reason, "No slot may wait for ever: use jf.loop/1 and answer JF_PENDING.");
    _exit(0);
}

static void left(void) {
    char reason[600];
    join(reason, sizeof reason, "it ended the process with exit() in ", last_step, "");
    check_emit(CHECK_CRASH, reason, "A plugin never ends the process: answer with an error instead.");
}

void check_arm(const char *name, int report) {
    static bool is_registered;
    static uint8_t stack[65536] __attribute__((aligned(16)));
    armed_name = name;
    armed_report = report;
    armed_process = getpid();
    is_over = 0;
    if (report < 0) return; /* a debugger shall see the signals as they are */
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = died;
    const int deaths[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
        sigaction(deaths[i], &action, NULL);
    struct sigaction quit = {.sa_handler = asked, .sa_flags = SA_ONSTACK};
    sigaction(SIGQUIT, &quit, NULL);
    if (!is_registered) atexit(left);
    is_registered = true;
}

void check_disarm(void) {
    is_over = 1;
}
