/* SPDX-License-Identifier: Apache-2.0
 * A file that is read again when it changes. */
#ifndef AUTH_COMMON_FILE_H
#define AUTH_COMMON_FILE_H

#include "options.h"
#include <sys/stat.h>

enum { AU_FILE_MOST = 1 << 20 };

struct au_file {
    struct au_provider *provider;
    const char *path;
    jf_ref timer;
    struct stat seen;
    bool gone; /**< it was not there when we looked last */
    /** Takes what the file says. Anything but JF_OK: it is of no use, `why` tells; what was is kept. */
    int32_t (*take)(struct au_file *file, jf_view text, jf_fault *why);
};

/** Reads the file for the first time, and from then on looks at it once a second. `options` has the status.
 */
void au_file_open(struct au_file *file, struct au_options *options);
/** Looks at it no more. May be called twice, and without au_file_open. */
void au_file_close(struct au_file *file);

#endif
