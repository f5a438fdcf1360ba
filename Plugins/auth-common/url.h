/* SPDX-License-Identifier: Apache-2.0
 * Which URLs a provider makes requests to. */
#ifndef AUTH_COMMON_URL_H
#define AUTH_COMMON_URL_H

#include "options.h"

/** Whether a URL is on this machine. */
bool au_url_is_local(jf_view url);
/** NULL: requests may go there. Else what is wrong with it: it must be https; or http, where `local` allows
 * that on this machine, or `plain` anywhere. Without `local` it may not be on this machine at all: what a
 * server names must not lead the gateway to its own neighbours. */
const char *au_url_wrong(jf_view url, bool local, bool plain);
/** The same for a URL of the configuration. */
void au_option_url(struct au_options *options, const char *name, jf_view url, bool plain);

/** The first header of this name (lower case); absent: there is none. */
jf_view au_header(const jf_http_response *response, const char *name);
/** The seconds of max-age in Cache-Control (RFC 9111 section 5.2.2.1); 0 where it says not to keep it;
 * `preset` where it says nothing. */
uint64_t au_max_age(const jf_http_response *response, uint64_t preset);

#endif
