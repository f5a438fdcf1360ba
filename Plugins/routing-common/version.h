/* SPDX-License-Identifier: Apache-2.0
 * Versions after Semantic Versioning 2.0.0, and ranges of them as npm writes them. */
#ifndef JF_ROUTING_VERSION_H
#define JF_ROUTING_VERSION_H

#include <jackfield/base.h>
#include <stdbool.h>

/** A version as one number that orders like it: major, minor, patch, then 0 for a pre-release. Pre-releases
 * of the same version are not told apart. 0: unknown. */
typedef uint64_t rt_version;

/** The schema pattern of a range, loosely. */
#define RT_RANGE_PATTERN "^[0-9A-Za-z.*<>=^~|, +-]*$"

enum { RT_RANGE_PARTS = 8 };

/** Up to eight alternatives, each from `low` to below `high`. */
typedef struct rt_range {
    uint32_t count;
    struct {
        rt_version low, high;
        rt_version named[2]; /**< pre-releases that it names, 0: none */
    } parts[RT_RANGE_PARTS];
} rt_range;

/** "1.2.3", "v1.2", "2.0.0-rc.1+build". 0: not a version. */
rt_version rt_version_read(jf_view text);
/** ">=1.2 <2", "^1.4", "~2.1", "1.x || 3", "*". False: not a range. A pre-release is in a range only where
 * the range names a pre-release of that version. */
bool rt_range_read(jf_view text, rt_range *range);

static inline bool rt_range_has(const rt_range *range, rt_version version) {
    bool found = false;
    for (uint32_t i = 0; i < range->count; i++)
        found |= version >= range->parts[i].low && version < range->parts[i].high &&
                 ((version & 1) != 0 || version == range->parts[i].named[0] ||
                  version == range->parts[i].named[1]);
    return found && version != 0;
}

#endif
