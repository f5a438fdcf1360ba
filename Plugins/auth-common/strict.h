/* SPDX-License-Identifier: Apache-2.0
 * JSON of strangers: one meaning for every reader, or none. */
#ifndef AUTH_COMMON_STRICT_H
#define AUTH_COMMON_STRICT_H

#include <jackfield/json.h>

enum { AU_DEPTH = 16, AU_MEMBERS = 256 };

/** Whether a value that was read means the same to every reader: no member stands twice in an object (RFC
 * 7519 section 4 leaves open which one counts), no string has half a surrogate pair, objects that are in each
 * other have no more than AU_MEMBERS members, and no more than AU_DEPTH containers are in each other. */
bool au_json_strict(const jf_json_value *value);

#endif
