/* SPDX-License-Identifier: Apache-2.0
 * What strangers say: challenges, URLs and metadata locations. Pure functions. */
#ifndef CREDENTIALS_OAUTH_PARSE_H
#define CREDENTIALS_OAUTH_PARSE_H

#include "source.h"

enum { URL_MOST = 2048 };

/** A parameter of the first Bearer challenge that has it (RFC 9110 section 11.6.1, RFC 6750 section 3),
 * unquoted into `out`; absent: there is none, or it is too long. */
jf_view challenge_parameter(jf_view challenges, const char *name, char *out, size_t room);

/** NULL: the gateway may make a request to a URL that it learned. `near` is one that the operator configured:
 * its own origin is always good. Else it must be https, with a public name or address; or, where `near` is on
 * this machine, on this machine; `private` allows every address. */
const char *learned_wrong(jf_view url, jf_view near, bool private);
/** Whether both have the same scheme, host and port. */
bool same_origin(jf_view a, jf_view b);
/** Whether tokens for `resource` are for `endpoint`: the same URL, or one that stands above it. */
bool resource_covers(jf_view resource, jf_view endpoint);

/** Where the metadata of a resource are, step 0 and 1 (RFC 9728 section 3.1). False: no such step. */
bool resource_location(jf_view endpoint, uint32_t step, struct au_text *out);
/** Where those of an issuer are, steps 0 to 2 (RFC 8414 section 3.1, OpenID Connect Discovery 1.0). */
bool issuer_location(jf_view issuer, uint32_t step, struct au_text *out);

/** The value of a query's parameter, decoded into `out`. JF_ABSENT: none. JF_E_INVALID: twice, too long or
 * not well formed. */
int32_t query_value(jf_view query, const char *name, char *out, size_t room, jf_view *value);
/** Whether a list with blanks has a word. */
bool words_have(jf_view words, jf_view word);
/** Whether text can be a bearer token, a client id or a state: visible ASCII. */
bool is_visible(jf_view text);

#endif
