/* SPDX-License-Identifier: Apache-2.0
 * Bounds of what a store is asked for. */
#include "check.h"

static int32_t refuse(const sc_host *host, jf_fault *why, const char *text) {
    return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "%s: %s", host->plugin, text);
}

int32_t sc_check_key(const sc_host *host, jf_view key, jf_fault *why) {
    if (key.ptr != NULL && key.len >= 1 && key.len <= JF_STORE_KEY_MOST) return JF_OK;
    return refuse(host, why, "a key must have 1 to 1024 bytes");
}

int32_t sc_check_put(const sc_host *host, const jf_store_put *put, jf_fault *why) {
    int32_t status = sc_check_key(host, put->key, why);
    if (put->size < sizeof *put) return refuse(host, why, "a jf_store_put is too small");
    if (status != JF_OK) return status;
    if (put->value.ptr == NULL || put->value.len > JF_STORE_VALUE_MOST)
        return refuse(host, why, "a value must be there, and have at most 1048576 bytes");
    if (put->ttl_ms > JF_STORE_TTL_MOST) return refuse(host, why, "a ttl_ms is more than ten years");
    if ((put->flags & 0xffff0000u) != 0 || (put->flags & 3u) == (JF_STORE_CREATE | JF_STORE_MATCH))
        return refuse(host, why, "the flags of a jf_store_put are unknown or exclude each other");
    if ((put->flags & JF_STORE_MATCH) && put->revision == 0)
        return refuse(host, why, "JF_STORE_MATCH needs a revision, and 0 is none");
    return JF_OK;
}

int32_t sc_check_list(const sc_host *host, const jf_store_list *list, jf_fault *why) {
    if (list->size < sizeof *list) return refuse(host, why, "a jf_store_list is too small");
    if (list->most < 1 || list->most > JF_STORE_LIST_MOST)
        return refuse(host, why, "`most` of a list must be 1 to 1000");
    if (list->prefix.len > JF_STORE_KEY_MOST || list->after.len > JF_STORE_KEY_MOST)
        return refuse(host, why, "`prefix` and `after` of a list have at most 1024 bytes");
    if ((list->flags & 0xffff0000u) != 0)
        return refuse(host, why, "the flags of a jf_store_list are unknown");
    return JF_OK;
}

int32_t sc_check_add(const sc_host *host, const jf_store_add *add, jf_fault *why) {
    int32_t status = sc_check_key(host, add->key, why);
    if (add->size < sizeof *add) return refuse(host, why, "a jf_store_add is too small");
    if (status != JF_OK) return status;
    if (add->ttl_ms > JF_STORE_TTL_MOST) return refuse(host, why, "a ttl_ms is more than ten years");
    if ((add->flags & 0xffff0000u) != 0) return refuse(host, why, "the flags of a jf_store_add are unknown");
    return JF_OK;
}
