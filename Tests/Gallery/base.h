/* SPDX-License-Identifier: Apache-2.0
 * What the plugins of the gallery share. Each is a good plugin but for one fault: it includes a base
 * (toolset.h, routing.h, access.h, connector.h or listener.h), defines what it does wrong, names it with a
 * macro, and includes plugin.h, which makes the tables and the entry. */
#ifndef GALLERY_BASE_H
#define GALLERY_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <jackfield/jackfield.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD __attribute__((unused)) static
#define CLOSED "{\"type\":\"object\",\"additionalProperties\":false}"

GOOD int32_t good_refuse(jf_fault *why, int32_t code, const char *text) {
    why->code = code;
    why->flags = JF_FAULT_PUBLIC;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return code;
}

GOOD bool good_equal(jf_view view, const char *text) {
    return view.len == strlen(text) && memcmp(view.ptr, text, view.len) == 0;
}

GOOD jf_view good_view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

/** A copy that the host drops. */
GOOD int32_t good_give(jf_blob *out, const char *text) {
    char *copy = strdup(text);
    *out = (jf_blob){(const uint8_t *)copy, strlen(text), copy, free};
    return JF_OK;
}

GOOD const void *good_service(const jf_offer *offer, const char *id) {
    return offer->service(offer->host, id);
}

#endif
