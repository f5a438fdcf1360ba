/* SPDX-License-Identifier: Apache-2.0
 * A mutex for the Swift SDK. In C, because the standard library's Mutex needs a second runtime library. */
#ifndef JACKFIELD_PLUGIN_LOCK_H
#define JACKFIELD_PLUGIN_LOCK_H

/** Opaque. Not recursive. */
typedef struct jf_plugin_lock jf_plugin_lock;

/** A new, open lock; NULL when there is no memory. */
jf_plugin_lock *jf_plugin_lock_make(void);
/** Frees a lock that nobody holds. */
void jf_plugin_lock_free(jf_plugin_lock *lock);
void jf_plugin_lock_take(jf_plugin_lock *lock);
void jf_plugin_lock_leave(jf_plugin_lock *lock);

#endif
