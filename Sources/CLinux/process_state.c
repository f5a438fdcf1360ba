/* SPDX-License-Identifier: Apache-2.0
 * Process-wide state that a loaded library can change: signal dispositions, signal mask, floating point. */
#define _GNU_SOURCE
#include "clinux.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SIGNALS 64
/* SA_RESTORER: libc adds it whenever it installs an action, so a restored default differs by it. */
#define RESTORER 0x04000000

struct jf_signals {
    struct sigaction actions[SIGNALS];
    /* Signals that libc keeps to itself cannot be read. */
    unsigned char known[SIGNALS];
    sigset_t mask;
};

jf_signals *jf_signals_save(void) {
    jf_signals *saved = calloc(1, sizeof *saved);
    if (saved == NULL) return NULL;
    for (int number = 1; number <= SIGNALS; number++)
        saved->known[number - 1] = sigaction(number, NULL, &saved->actions[number - 1]) == 0;
    pthread_sigmask(SIG_SETMASK, NULL, &saved->mask);
    return saved;
}

void jf_signals_free(jf_signals *saved) {
    free(saved);
}

static int same_action(const struct sigaction *one, const struct sigaction *other) {
    if ((one->sa_flags ^ other->sa_flags) & ~RESTORER) return 0;
    if (one->sa_flags & SA_SIGINFO) {
        if (one->sa_sigaction != other->sa_sigaction) return 0;
    } else if (one->sa_handler != other->sa_handler) {
        return 0;
    }
    for (int number = 1; number <= SIGNALS; number++)
        if (sigismember(&one->sa_mask, number) != sigismember(&other->sa_mask, number)) return 0;
    return 1;
}

uint64_t jf_signals_changed(const jf_signals *saved) {
    uint64_t changed = 0;
    for (int number = 1; number <= SIGNALS; number++) {
        struct sigaction now;
        if (!saved->known[number - 1] || sigaction(number, NULL, &now) != 0) continue;
        if (!same_action(&saved->actions[number - 1], &now)) changed |= UINT64_C(1) << (number - 1);
    }
    return changed;
}

uint64_t jf_signals_mask_changed(const jf_signals *saved) {
    sigset_t now;
    if (pthread_sigmask(SIG_SETMASK, NULL, &now) != 0) return 0;
    uint64_t changed = 0;
    for (int number = 1; number <= SIGNALS; number++)
        if (sigismember(&saved->mask, number) != sigismember(&now, number))
            changed |= UINT64_C(1) << (number - 1);
    return changed;
}

int jf_signals_restore(const jf_signals *saved) {
    int answer = 0;
    uint64_t changed = jf_signals_changed(saved);
    for (int number = 1; number <= SIGNALS; number++)
        if (changed >> (number - 1) & 1)
            if (sigaction(number, &saved->actions[number - 1], NULL) != 0) answer = -1;
    if (jf_signals_mask_changed(saved) != 0 && pthread_sigmask(SIG_SETMASK, &saved->mask, NULL) != 0)
        answer = -1;
    return answer;
}

const char *jf_signal_name(int signal) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
    return sigabbrev_np(signal);
#else
    (void)signal;
    return NULL;
#endif
}

#if defined(__x86_64__)

/* MXCSR without its six sticky exception flags, and the x87 control word. */
#define STICKY 0x3fu

uint64_t jf_float_mode(void) {
    uint32_t mxcsr;
    uint16_t control;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return (uint64_t)(mxcsr & ~STICKY) | (uint64_t)control << 32;
}

void jf_set_float_mode(uint64_t mode) {
    uint32_t mxcsr;
    uint16_t control = (uint16_t)(mode >> 32);
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    mxcsr = (mxcsr & STICKY) | (uint32_t)mode;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    __asm__ volatile("fldcw %0" : : "m"(control));
}

#elif defined(__aarch64__)

uint64_t jf_float_mode(void) {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

void jf_set_float_mode(uint64_t mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}

#else
#error "this machine's floating-point control register is not known here"
#endif
