/* SPDX-License-Identifier: Apache-2.0
 * Which endpoints are meant: by version, labels, tags and name. */
#ifndef JF_ROUTING_SELECTOR_H
#define JF_ROUTING_SELECTOR_H

#include "options.h"
#include "version.h"

typedef struct rt_selector {
    rt_range range; /**< count 0: any version, and an unknown one */
    jf_pair *labels;
    uint32_t label_count; /**< all of them are needed; a tag has no value */
    uint32_t name_count;
    jf_view *names; /**< one of these patterns must match, if there are any */
} rt_selector;

/** Its members, for a manifest's schema. */
#define RT_SCHEMA_SELECTOR                                                                                   \
    "\"version\":{\"type\":\"string\",\"pattern\":\"" RT_RANGE_PATTERN                                       \
    "\",\"minLength\":1,\"description\":\"A range such as >=1.2 <2 or ^1.4 || 3.x\"},"                       \
    "\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"maxProperties\":16,"   \
    "\"description\":\"Labels that an endpoint must have; the value * stands for any\"},"                    \
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":16,"                          \
    "\"description\":\"Tags that an endpoint must have\"},"                                                  \
    "\"endpoints\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":64,"                     \
    "\"description\":\"Names or URLs, * stands for any text; one of them must match\"}"

/** Reads those members of the object `in`. */
void rt_option_selector(rt_options *options, jf_view in, rt_selector *out);
/** A list of strings at `pointer`, at most `most`. */
jf_view *rt_option_texts(rt_options *options, jf_view in, const char *pointer, uint32_t most,
                         uint32_t *count);

/** Whether it means this endpoint. */
bool rt_selects(const rt_selector *selector, const jf_endpoint *endpoint, bool extended);
/** Whether text matches a pattern in which * stands for any text. */
bool rt_glob(jf_view pattern, jf_view text);
bool rt_same(jf_view left, jf_view right);

#endif
