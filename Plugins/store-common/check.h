/* SPDX-License-Identifier: Apache-2.0
 * Bounds of what a store is asked for: the same for all of them. JF_E_INVALID says what is wrong. */
#ifndef STORE_COMMON_CHECK_H
#define STORE_COMMON_CHECK_H

#include "host.h"

int32_t sc_check_key(const sc_host *host, jf_view key, jf_fault *why);
int32_t sc_check_put(const sc_host *host, const jf_store_put *put, jf_fault *why);
int32_t sc_check_list(const sc_host *host, const jf_store_list *list, jf_fault *why);
int32_t sc_check_add(const sc_host *host, const jf_store_add *add, jf_fault *why);

#endif
