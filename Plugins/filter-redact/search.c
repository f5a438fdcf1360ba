/* SPDX-License-Identifier: Apache-2.0
 * Looking through text and through JSON: each byte is looked at once per detector, strings are decoded. */
#include "redact.h"
#include "sha256.h"

static int by_start(const void *a, const void *b) {
    const rd_found *left = a, *right = b;
    if (left->start != right->start) return left->start < right->start ? -1 : 1;
    return left->end > right->end ? -1 : left->end < right->end;
}

uint32_t rd_search(const redact *it, jf_view text, rd_found *found, uint32_t most) {
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < it->count; i++) {
        const rd_detector *by = &it->detectors[i];
        for (uint64_t from = 0, start, end; from < text.len;) {
            bool here = by->pattern != NULL ? fl_pattern_find(by->pattern, text, from, &start, &end)
                                            : by->find(text, from, &start, &end);
            if (!here) break;
            if (end == start || (by->check != NULL && !by->check(text, start, &end))) {
                from = start + 1;
                while (from < text.len && (text.ptr[from] & 0xc0) == 0x80)
                    from++;
                continue;
            }
            if (count == most) {
                found[0] = (rd_found){0, text.len, by->name};
                return 1;
            }
            found[count++] = (rd_found){start, end, by->name};
            from = end;
        }
    }
    if (count < 2) return count;
    qsort(found, count, sizeof *found, by_start);
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && found[i].start < found[kept - 1].end) {
            if (found[i].end > found[kept - 1].end) found[kept - 1].end = found[i].end;
            continue;
        }
        found[kept++] = found[i];
    }
    return kept;
}

void rd_mask(const redact *it, jf_view secret, const char *name, fl_bytes *out) {
    if (it->hashes) {
        /* HMAC (RFC 2104) would do no more here: the salt has one length, and nobody sees the whole digest.
         */
        char digest[65];
        sha256 hash;
        uint64_t length = it->salt.len;
        sha256_begin(&hash);
        sha256_add(&hash, &length, sizeof length);
        sha256_add(&hash, it->salt.ptr, it->salt.len);
        sha256_add(&hash, secret.ptr, secret.len);
        sha256_end(&hash, digest);
        digest[16] = 0;
        fl_add_text(out, "[");
        fl_add_text(out, name);
        fl_add_text(out, ":");
        fl_add_text(out, digest);
        fl_add_text(out, "]");
        return;
    }
    jf_view text = it->replacement;
    for (uint64_t i = 0; i < text.len; i++) {
        if (text.len - i >= 6 && memcmp(text.ptr + i, "{name}", 6) == 0) {
            fl_add_text(out, name);
            i += 5;
        } else {
            fl_add(out, text.ptr + i, 1);
        }
    }
}

/* ---- Strings ---- */

/** Nested JSON, as it becomes. */
typedef struct nested_text {
    jf_view from;
    uint64_t done;
    fl_bytes to;
    const char *name; /**< NULL: nothing was found */
} nested_text;

static void take_nested(void *context, uint64_t start, uint64_t end, jf_view bytes, const char *name) {
    nested_text *it = context;
    fl_add(&it->to, it->from.ptr + it->done, start - it->done);
    fl_add(&it->to, bytes.ptr, bytes.len);
    it->done = end;
    it->name = name;
}

/* Decoded text that is JSON itself, as tools return it beside their structured results. True: it was. */
static bool walk_nested(const redact *it, jf_view text, uint32_t nested, fl_bytes *out, const char **name) {
    jf_json_value root;
    if (nested >= RD_MOST_NESTED || text.len < 2 || (text.ptr[0] != '{' && text.ptr[0] != '[')) return false;
    if (!jf_json_read(text, &root)) return false;
    nested_text within = {.from = text};
    if (rd_walk(it, text, NULL, nested + 1, take_nested, &within) != JF_OK) {
        fl_free(&within.to);
        return false;
    }
    if (within.name != NULL) {
        fl_add(&within.to, text.ptr + within.done, text.len - within.done);
        out->failed = out->failed || within.to.failed;
        if (!within.to.failed) fl_add_quoted(out, fl_view(&within.to));
        *name = within.name;
    }
    fl_free(&within.to);
    return true;
}

static bool search_text(const redact *it, jf_view text, fl_bytes *out, const char **name) {
    rd_found few[16], *found = few;
    uint32_t count = rd_search(it, text, few, 16);
    if (count == 0) return true;
    if (count == 1 && few[0].start == 0 && few[0].end == text.len) {
        found = malloc(RD_MOST_FOUND * sizeof *found);
        if (found == NULL) return false;
        count = rd_search(it, text, found, RD_MOST_FOUND);
    }
    fl_bytes plain = {0};
    uint64_t done = 0;
    for (uint32_t i = 0; i < count; i++) {
        fl_add(&plain, text.ptr + done, found[i].start - done);
        rd_mask(it, (jf_view){text.ptr + found[i].start, found[i].end - found[i].start}, found[i].name,
                &plain);
        done = found[i].end;
    }
    *name = found[0].name;
    fl_add(&plain, text.ptr + done, text.len - done);
    if (found != few) free(found);
    bool made = !plain.failed;
    if (made) fl_add_quoted(out, fl_view(&plain));
    fl_free(&plain);
    return made && !out->failed;
}

/* A string's text is looked through; `out` gets what stands for it, nothing where it stays. */
static bool search_string(const redact *it, const jf_json_value *string, uint32_t nested, fl_bytes *out,
                          const char **name) {
    jf_view text = {string->ptr, string->len};
    if (string->escaped) text = fl_decode(string);
    if (text.ptr == NULL) return false;
    bool made = true;
    if (text.len > 0 && !walk_nested(it, text, nested, out, name)) made = search_text(it, text, out, name);
    if (string->escaped) free((void *)(uintptr_t)text.ptr);
    return made && !out->failed;
}

/* ---- Walking ---- */

/** An object or array that the walk is in. */
typedef struct frame {
    jf_json_walk walk;
    jf_json_value key; /**< under which its values stand */
    uint64_t index;
} frame;

static bool key_says(const jf_json_value *key, const char *text) {
    return jf_json_is(key, (jf_view){(const uint8_t *)text, strlen(text)});
}

/* Bytes in base64: of images, audio and binary resources. What looks like a secret there is chance. */
static bool is_binary(const frame *frames, uint32_t depth) {
    const jf_json_value *key = &frames[depth].key, *top = &frames[0].key;
    if (depth < 2 || depth > 4) return false;
    if (key_says(key, "blob")) return key_says(top, "content") || key_says(top, "contents");
    if (!key_says(key, "data")) return false;
    return depth == 2 ? key_says(top, "content") : depth == 3 && key_says(top, "messages");
}

/* Whether the place of the walk is one of the configured pointers. */
static bool is_pointed(const redact *it, const frame *frames, uint32_t depth) {
    for (uint32_t i = 0; i < it->pointers.count; i++) {
        const uint8_t *at = it->pointers.texts[i].ptr, *end = at + it->pointers.texts[i].len;
        uint32_t level = 0;
        for (; level <= depth && at < end && *at == '/'; level++) {
            const uint8_t *token = ++at;
            while (at < end && *at != '/')
                at++;
            jf_view wanted = {token, (uint64_t)(at - token)};
            if (frames[level].walk.object) {
                if (!jf_json_says(&frames[level].key, wanted, true)) break;
            } else if (wanted.len != 1 || *wanted.ptr != '*') {
                bool negative;
                uint64_t number;
                if (!jf_json_magnitude(wanted, &negative, &number) || number != frames[level].index) break;
            }
        }
        if (level == depth + 1 && at == end) return true;
    }
    return false;
}

static bool is_skipped(const jf_json_value *key, const char *const *skip) {
    for (; skip != NULL && *skip != NULL; skip++)
        if (key_says(key, *skip)) return true;
    return false;
}

/* As jf_json_next, of a text that was read whole: an object or array is only begun (2), so that no byte is
 * read once for each level that it is in. */
static int next_of(jf_json_walk *it, jf_json_value *key, jf_json_value *value) {
    const uint8_t *at = jf_json_blanks(it->at, it->end), *end = it->end;
    if (at == end) return -1;
    if (*at == (it->object ? '}' : ']')) {
        it->at = at;
        return 0;
    }
    if (it->started && *at++ != ',') return -1;
    it->started = true;
    *key = (jf_json_value){0};
    if (it->object) {
        at = jf_json_take(at, end, key);
        if (at == NULL) return -1;
        at = jf_json_blanks(at, end) + 1;
    }
    at = jf_json_blanks(at, end);
    if (at >= end) return -1;
    if (*at == '{' || *at == '[') {
        *value = (jf_json_value){*at == '{' ? JF_JSON_OBJECT : JF_JSON_ARRAY, false, at, 0};
        it->at = at;
        return 2;
    }
    at = jf_json_take(at, end, value);
    it->at = at;
    return at != NULL ? 1 : -1;
}

int32_t rd_walk(const redact *it, jf_view json, const char *const *skip, uint32_t nested, rd_take take,
                void *context) {
    frame frames[JF_JSON_DEPTH];
    jf_json_value root, value;
    fl_bytes out = {0};
    uint32_t depth = 0;
    int32_t status = JF_OK;
    if (!jf_json_read(json, &root)) return JF_E_INVALID;
    if (root.kind != JF_JSON_OBJECT && root.kind != JF_JSON_ARRAY) return JF_OK;
    frames[0] = (frame){.walk = jf_json_walk_of(&root)};
    for (;;) {
        frame *now = &frames[depth];
        int more = next_of(&now->walk, &now->key, &value);
        if (more < 0) {
            status = JF_E_INVALID;
            break;
        }
        if (more == 0) {
            if (depth-- == 0) break;
            frames[depth].walk.at = now->walk.at + 1;
            frames[depth].index++;
            continue;
        }
        const char *name = NULL;
        bool skips = depth == 0 && now->walk.object && is_skipped(&now->key, skip);
        bool masked = (now->walk.object && fl_has(&it->members, &now->key)) ||
                      (it->pointers.count > 0 && is_pointed(it, frames, depth));
        out.len = 0;
        if (more == 2 && !skips && !masked) {
            if (depth + 1 == JF_JSON_DEPTH) {
                status = JF_E_INVALID;
                break;
            }
            frames[++depth] =
                (frame){.walk = {value.ptr + 1, now->walk.end, value.kind == JF_JSON_OBJECT, false}};
            continue;
        }
        if (more == 2) now->walk.at = jf_json_take(value.ptr, now->walk.end, &value);
        if (skips) {
            now->index++;
            continue;
        }
        if (masked) {
            fl_bytes plain = {0};
            rd_mask(it, jf_json_raw(&value), "masked", &plain);
            fl_add_quoted(&out, fl_view(&plain));
            out.failed = out.failed || plain.failed;
            fl_free(&plain);
            name = "masked";
        } else if (value.kind == JF_JSON_STRING) {
            if (!(nested == 0 && is_binary(frames, depth)) && !search_string(it, &value, nested, &out, &name))
                out.failed = true;
        } else if (value.kind == JF_JSON_NUMBER && value.len >= 13) {
            rd_found found;
            if (rd_search(it, (jf_view){value.ptr, value.len}, &found, 1) > 0) {
                fl_bytes plain = {0};
                rd_mask(it, (jf_view){value.ptr, value.len}, found.name, &plain);
                fl_add_quoted(&out, fl_view(&plain));
                out.failed = out.failed || plain.failed;
                fl_free(&plain);
                name = found.name;
            }
        }
        if (out.failed) {
            status = JF_E_FAULT;
            break;
        }
        if (name != NULL) take(context, fl_start(json, &value), fl_stop(json, &value), fl_view(&out), name);
        now->index++;
    }
    fl_free(&out);
    return status;
}
