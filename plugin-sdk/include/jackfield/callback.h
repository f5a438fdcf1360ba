/* SPDX-License-Identifier: Apache-2.0
 * Service jf.callback/1, offered by abi-libffi to plugins: C function pointers that carry data with them, for
 * libraries whose callbacks have no user pointer, or whose signature is known at run time only. */
#ifndef JACKFIELD_CALLBACK_H
#define JACKFIELD_CALLBACK_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shapes: `RESULT(TYPE,TYPE,...)`, `i32(pointer,i32,f64)`, `void()`; no spaces, at most JF_SHAPE_MOST
 * parameters. Types: void (as the result only), i8 u8 i16 u16 i32 u32 i64 u64 f32 f64, pointer (of any kind),
 * view (a jf_view by value; as a parameter only). Variadic functions have none. */
#define JF_SHAPE_MOST 16u

/** A function pointer of whatever type: cast it to the one that its shape stands for. */
typedef void (*jf_code_fn)(void);

/** What a call of the leased function becomes. `arguments[i]` points at argument i in its own width;
 * `result` points at 8 zero bytes that are aligned for every type: write the answer there in its own width.
 * Both are borrowed. On the thread that the library calls on, maybe on several at once, maybe within itself.
 */
typedef void (*jf_callback_fn)(void *user, void *const *arguments, void *result);
/** The function will not be called with `user` any more: `user` may go. Once, on whatever thread. */
typedef void (*jf_callback_ended_fn)(void *user);

/** What is asked for. Growable: set `size`. Borrowed. */
typedef struct jf_callback_request {
    uint32_t size;
    uint32_t flags;             /**< 0 */
    jf_view shape;              /**< see above */
    jf_callback_fn call;        /**< required */
    jf_callback_ended_fn ended; /**< may be NULL */
    void *user;                 /**< passed to both; stays the caller's */
    uint64_t idle; /**< what a call after `release` is answered with: the result's bytes, the lowest first */
} jf_callback_request;
JF_PIN_SIZE(jf_callback_request, 56);
JF_PIN(jf_callback_request, call, 24);

/** jf_callback_1.release: no library holds the pointer any more, so its memory may be used again or freed.
 * Without it the pointer stays callable as long as the process lives and answers `idle`. */
#define JF_CALLBACK_FORGOTTEN 1u

/** Function pointers are made at run time, from pages that may be executed. Where the kernel forbids memory
 * that is writable and executable, libffi maps it twice; where that is refused too, `lease` says so. In a
 * cell the plugin that offers this runs beside the one that asks: a pointer cannot leave its process.
 * Since 1.0. */
typedef struct jf_callback_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Makes `*code`, which calls `request->call` with `request->user`, until `release` of `*lease`. [any]
     * Costs a microsecond where a function of that shape is free to be used again, else some more.
     * JF_E_INVALID: a shape that is none, or no `call`; `why` says where. JF_E_BUSY: too many are leased.
     * JF_E_UNSUPPORTED: this process may not make code; `why` says what to change. JF_E_FAULT: memory. */
    int32_t (*lease)(void *context, const jf_callback_request *request, jf_code_fn *code, jf_ref *lease,
                     jf_fault *why);
    /** Ends a lease; also from within the function itself. JF_OK: no call is running; `ended` was called.
     * JF_PENDING: calls are running on this or other threads; `ended` follows with the last of them. Later
     * calls are answered with `idle`. `flags`: JF_CALLBACK_FORGOTTEN or 0. JF_E_STALE: no such lease. [any]
     * What is not released when the plugin that offers this is destroyed ends without JF_CALLBACK_FORGOTTEN.
     */
    int32_t (*release)(void *context, jf_ref lease, uint32_t flags);
} jf_callback_1;
JF_PIN_SIZE(jf_callback_1, 32);
#define JF_CALLBACK_1 "jf.callback/1"

#ifdef __cplusplus
}
#endif
#endif
