/* SPDX-License-Identifier: Apache-2.0
 * Plugin policy-rbac: roles say which tools, resources and prompts of which servers somebody may use. What no
 * role allows is refused. */
#include "policy.h"

#define NAME "^[A-Za-z0-9_.:-]{1,64}$"
#define PATTERNS(TEXT)                                                                                       \
    "{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"type\":\"string\",\"maxLength\":1024,\"pattern\":"   \
    "\"^(tools|resources|templates|prompts|\\\\*):[^/]+/.+$\"},\"description\":\"" TEXT "\"}"
#define ROLES(TEXT)                                                                                          \
    "{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"pattern\":\"" NAME                \
    "\"},\"description\":\"" TEXT "\"}"
#define ASSIGNED(TEXT)                                                                                       \
    "{\"type\":\"object\",\"maxProperties\":100000,\"additionalProperties\":{\"type\":\"array\","            \
    "\"maxItems\":256,\"items\":{\"type\":\"string\"}},\"description\":\"" TEXT "\"}"

/* clang-format off */
JF_MANIFEST("{\"id\":\"policy-rbac\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
    "\"summary\":\"Roles say which tools, resources and prompts somebody may use.\","
    "\"facets\":[\"jf.policy/1\"],\"requires\":[],\"optional\":[],\"provides\":[],"
    "\"threads\":\"per-loop\",\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"policy\":{\"policy\":\"rbac\",\"config\":{\"type\":\"object\",\"required\":[\"roles\"],"
    "\"properties\":{"
    "\"roles\":{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":256,\"propertyNames\":{"
    "\"pattern\":\"" NAME "\"},\"additionalProperties\":{\"type\":\"object\",\"properties\":{"
    "\"allow\":" PATTERNS("What the role may use: KIND:SERVER/NAME with * and ?") ","
    "\"deny\":" PATTERNS("What it may not use, whatever else allows it") ","
    "\"inherits\":" ROLES("Roles whose rights it has, too") "},\"additionalProperties\":false},"
    "\"description\":\"What each role may use\"},"
    "\"assignments\":{\"type\":\"object\",\"properties\":{"
    "\"subjects\":" ASSIGNED("By subject: roles") ","
    "\"groups\":" ASSIGNED("By group (see groups_attribute): roles") ","
    "\"everyone\":" ROLES("Roles of everybody who is known") ","
    "\"anonymous\":" ROLES("Roles of whoever is not known") "},\"additionalProperties\":false,"
    "\"description\":\"Who has which roles, beside those that providers of identity name\"},"
    "\"trust_roles\":{\"type\":\"boolean\",\"default\":true,\"description\":"
    "\"Roles that a provider of identity names count\"},"
    "\"groups_attribute\":{\"type\":\"string\",\"default\":\"groups\",\"description\":"
    "\"The attribute (claim) that lists somebody's groups\"},"
    "\"refusal\":{\"enum\":[\"deny\",\"hide\"],\"default\":\"deny\",\"description\":"
    "\"deny: 403 and the text; hide: as if there were no such thing\"},"
    "\"text\":{\"type\":\"string\",\"maxLength\":500,\"default\":"
    "\"this needs a role that you do not have\",\"description\":\"What the client is told\"}"
    "},\"additionalProperties\":false}}}");
/* clang-format on */

enum { MOST_ROLES = 256, WORDS = MOST_ROLES / 64 };

typedef struct set {
    uint64_t words[WORDS];
} set;

typedef struct pattern {
    uint32_t kinds; /**< a bit for each of JF_TOOLS ... */
    jf_view server, item;
    jf_view rule; /**< what it is called when it decides */
} pattern;

typedef struct role {
    jf_view name;
    pattern *allow, *deny;
    uint32_t allows, denies;
    set effective; /**< itself and what it inherits */
} role;

/** Somebody's roles. */
typedef struct entry {
    jf_view name;
    set roles;
} entry;

typedef struct entries {
    entry *list;
    uint32_t count;
} entries;

typedef struct rbac {
    pc_policy policy;
    role *roles; /**< sorted by name */
    uint32_t count;
    entries subjects, groups; /**< sorted */
    set everyone, anonymous;
    bool trust;
    uint32_t refusal;
    jf_view groups_attribute, text;
} rbac;

static int order(jf_view a, jf_view b) {
    uint64_t least = a.len < b.len ? a.len : b.len;
    int found = least > 0 ? memcmp(a.ptr, b.ptr, least) : 0;
    return found != 0 ? found : a.len < b.len ? -1 : a.len > b.len;
}

static int by_role(const void *a, const void *b) {
    return order(((const role *)a)->name, ((const role *)b)->name);
}

static int by_entry(const void *a, const void *b) {
    return order(((const entry *)a)->name, ((const entry *)b)->name);
}

static void add(set *to, const set *from) {
    for (uint32_t i = 0; i < WORDS; i++)
        to->words[i] |= from->words[i];
}

static bool has(const set *it, uint32_t at) {
    return (it->words[at / 64] >> (at % 64) & 1) != 0;
}
static void put(set *it, uint32_t at) {
    it->words[at / 64] |= (uint64_t)1 << (at % 64);
}

static const role *role_named(const rbac *it, jf_view name) {
    role wanted = {.name = name};
    return bsearch(&wanted, it->roles, it->count, sizeof wanted, by_role);
}

static const entry *entry_named(const entries *in, jf_view name) {
    entry wanted = {.name = name};
    return in->count == 0 ? NULL : bsearch(&wanted, in->list, in->count, sizeof wanted, by_entry);
}

/* ---- Options ---- */

static int32_t read_pattern(rbac *it, const role *of, const jf_json_value *value, bool allows, pattern *out,
                            jf_fault *why) {
    static const char *const kinds[] = {"tools:", "resources:", "templates:", "prompts:", "*:"};
    static const uint32_t bits[] = {1u << JF_TOOLS, 1u << JF_RESOURCES | 1u << JF_TEMPLATES,
                                    1u << JF_TEMPLATES, 1u << JF_PROMPTS, 15};
    jf_view text = pc_keep_string(&it->policy, value);
    if (text.ptr == NULL) return pc_no_memory(why);
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t head = strlen(kinds[i]);
        if (text.len <= head || memcmp(text.ptr, kinds[i], head) != 0) continue;
        const uint8_t *rest = text.ptr + head, *end = text.ptr + text.len;
        const uint8_t *slash = memchr(rest, '/', (size_t)(end - rest));
        if (slash == NULL || slash == rest || slash + 1 == end) break;
        out->kinds = bits[i];
        out->server = (jf_view){rest, (uint64_t)(slash - rest)};
        out->item = (jf_view){slash + 1, (uint64_t)(end - slash - 1)};
        out->rule = pc_keep_format(&it->policy, "role %.*s %s %.*s", (int)of->name.len,
                                   (const char *)of->name.ptr, allows ? "allows" : "denies",
                                   (int)(text.len < 200 ? text.len : 200), (const char *)text.ptr);
        return out->rule.ptr == NULL ? pc_no_memory(why) : JF_OK;
    }
    return pc_wrong(why, "roles.%.*s: '%.*s' is no pattern; write for instance tools:SERVER/NAME or *:*/*",
                    (int)of->name.len, (const char *)of->name.ptr, (int)(text.len < 80 ? text.len : 80),
                    (const char *)text.ptr);
}

static int32_t read_patterns(rbac *it, role *of, const jf_json_value *options, bool allows, jf_fault *why) {
    jf_json_value list, key, value;
    if (!pc_member(options, allows ? "allow" : "deny", &list)) return JF_OK;
    uint32_t count = pc_count(&list), at = 0;
    pattern *patterns = pc_keep(&it->policy, count * sizeof *patterns);
    if (patterns == NULL) return pc_no_memory(why);
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &value) == 1) {
        int32_t status = read_pattern(it, of, &value, allows, &patterns[at++], why);
        if (status != JF_OK) return status;
    }
    *(allows ? &of->allow : &of->deny) = patterns;
    *(allows ? &of->allows : &of->denies) = count;
    return JF_OK;
}

/* `strict`: a name that is no role is an error. */
static int32_t read_roles(rbac *it, const jf_json_value *list, const char *where, set *out, jf_fault *why) {
    jf_json_value key, value;
    if (list->kind != JF_JSON_ARRAY) return JF_OK;
    jf_json_walk walk = jf_json_walk_of(list);
    while (jf_json_next(&walk, &key, &value) == 1) {
        jf_view name = pc_keep_string(&it->policy, &value);
        const role *found = name.ptr != NULL ? role_named(it, name) : NULL;
        if (found == NULL)
            return pc_wrong(why, "%s: there is no role '%.*s'", where, (int)(name.len < 64 ? name.len : 64),
                            name.ptr != NULL ? (const char *)name.ptr : "");
        put(out, (uint32_t)(found - it->roles));
    }
    return JF_OK;
}

static int32_t read_all_roles(rbac *it, const jf_json_value *roles, jf_fault *why) {
    jf_json_value key, value, list;
    it->roles = pc_keep(&it->policy, pc_count(roles) * sizeof *it->roles);
    if (it->roles == NULL) return pc_no_memory(why);
    jf_json_walk walk = jf_json_walk_of(roles);
    while (jf_json_next(&walk, &key, &value) == 1) {
        role *made = &it->roles[it->count++];
        made->name = pc_keep_string(&it->policy, &key);
        if (made->name.ptr == NULL) return pc_no_memory(why);
        int32_t status = read_patterns(it, made, &value, true, why);
        if (status == JF_OK) status = read_patterns(it, made, &value, false, why);
        if (status != JF_OK) return status;
    }
    if (it->count > MOST_ROLES) return pc_wrong(why, "there are more than %d roles", MOST_ROLES);
    qsort(it->roles, it->count, sizeof *it->roles, by_role);
    for (uint32_t i = 0; i < it->count; i++) {
        put(&it->roles[i].effective, i);
        if (i > 0 && pc_same(it->roles[i].name, it->roles[i - 1].name))
            return pc_wrong(why, "role %.*s stands there twice", (int)it->roles[i].name.len,
                            (const char *)it->roles[i].name.ptr);
    }
    walk = jf_json_walk_of(roles);
    while (jf_json_next(&walk, &key, &value) == 1) {
        jf_view name = pc_keep_string(&it->policy, &key);
        const role *found = name.ptr != NULL ? role_named(it, name) : NULL;
        if (found == NULL) return pc_no_memory(why);
        if (!pc_member(&value, "inherits", &list)) continue;
        int32_t status = read_roles(it, &list, "inherits", &it->roles[found - it->roles].effective, why);
        if (status != JF_OK) return status;
    }
    /* What is inherited from those who inherit: circles do no harm. */
    for (bool grew = true; grew;) {
        grew = false;
        for (uint32_t i = 0; i < it->count; i++) {
            set before = it->roles[i].effective;
            for (uint32_t k = 0; k < it->count; k++)
                if (has(&before, k)) add(&it->roles[i].effective, &it->roles[k].effective);
            grew = grew || memcmp(&before, &it->roles[i].effective, sizeof before) != 0;
        }
    }
    return JF_OK;
}

static int32_t read_entries(rbac *it, const jf_json_value *from, const char *name, entries *out,
                            jf_fault *why) {
    jf_json_value all, key, value;
    if (!pc_member(from, name, &all)) return JF_OK;
    out->list = pc_keep(&it->policy, pc_count(&all) * sizeof *out->list);
    if (out->list == NULL) return pc_no_memory(why);
    jf_json_walk walk = jf_json_walk_of(&all);
    while (jf_json_next(&walk, &key, &value) == 1) {
        entry *made = &out->list[out->count++];
        made->name = pc_keep_string(&it->policy, &key);
        if (made->name.ptr == NULL) return pc_no_memory(why);
        char where[96];
        snprintf(where, sizeof where, "assignments.%s.%.*s", name,
                 (int)(made->name.len < 60 ? made->name.len : 60), (const char *)made->name.ptr);
        int32_t status = read_roles(it, &value, where, &made->roles, why);
        if (status != JF_OK) return status;
    }
    qsort(out->list, out->count, sizeof *out->list, by_entry);
    for (uint32_t i = 1; i < out->count; i++)
        if (pc_same(out->list[i].name, out->list[i - 1].name))
            return pc_wrong(why, "assignments.%s: %.*s stands there twice", name,
                            (int)(out->list[i].name.len < 60 ? out->list[i].name.len : 60),
                            (const char *)out->list[i].name.ptr);
    return JF_OK;
}

static int32_t open_rbac(pc_policy *policy, const jf_json_value *options, jf_fault *why) {
    rbac *it = (rbac *)policy;
    jf_json_value value, list;
    if (!pc_member(options, "roles", &value)) return pc_wrong(why, "there are no roles");
    int32_t status = read_all_roles(it, &value, why);
    if (status == JF_OK && pc_member(options, "assignments", &value)) {
        status = read_entries(it, &value, "subjects", &it->subjects, why);
        if (status == JF_OK) status = read_entries(it, &value, "groups", &it->groups, why);
        if (status == JF_OK && pc_member(&value, "everyone", &list))
            status = read_roles(it, &list, "assignments.everyone", &it->everyone, why);
        if (status == JF_OK && pc_member(&value, "anonymous", &list))
            status = read_roles(it, &list, "assignments.anonymous", &it->anonymous, why);
    }
    if (status != JF_OK) return status;
    it->trust = pc_flag(options, "trust_roles", 1) != 0;
    it->refusal = pc_is(options, "refusal", "hide") ? JF_HIDE : JF_DENY;
    it->groups_attribute =
        pc_member(options, "groups_attribute", &value) ? pc_keep_string(policy, &value) : pc_view("groups");
    it->text = pc_member(options, "text", &value) ? pc_keep_string(policy, &value)
                                                  : pc_view("this needs a role that you do not have");
    return it->groups_attribute.ptr == NULL || it->text.ptr == NULL ? pc_no_memory(why) : JF_OK;
}

/* ---- Who somebody is ---- */

static void join(const rbac *it, set *roles, const set *named) {
    for (uint32_t i = 0; i < it->count; i++)
        if (has(named, i)) add(roles, &it->roles[i].effective);
}

static void join_groups(const rbac *it, set *roles, jf_view attributes) {
    jf_json_value root, list = {0}, key, value;
    char text[256];
    if (it->groups.count == 0 || !jf_json_read(attributes, &root) || root.kind != JF_JSON_OBJECT) return;
    jf_json_walk walk = jf_json_walk_of(&root);
    while (jf_json_next(&walk, &key, &value) == 1)
        if (list.kind == 0 && jf_json_is(&key, it->groups_attribute)) list = value;
    if (list.kind != JF_JSON_ARRAY) return;
    walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (value.kind != JF_JSON_STRING || value.len > sizeof text) continue;
        uint64_t length = jf_json_decode(&value, (uint8_t *)text);
        if (length == UINT64_MAX) continue;
        const entry *found = entry_named(&it->groups, (jf_view){(uint8_t *)text, length});
        if (found != NULL) join(it, roles, &found->roles);
    }
}

static set roles_of(const rbac *it, const jf_principal *principal) {
    set roles = {{0}};
    if (principal->id == 0) {
        join(it, &roles, &it->anonymous);
        return roles;
    }
    join(it, &roles, &it->everyone);
    const entry *found = entry_named(&it->subjects, principal->subject);
    if (found != NULL) join(it, &roles, &found->roles);
    for (uint64_t i = 0; it->trust && i < principal->role_count; i++) {
        const role *named = role_named(it, principal->roles[i]);
        if (named != NULL) add(&roles, &named->effective);
    }
    join_groups(it, &roles, principal->attributes);
    return roles;
}

/* ---- Decisions ---- */

static const pattern *matching(const pattern *list, uint32_t count, const jf_access *access) {
    for (uint32_t i = 0; i < count; i++)
        if ((list[i].kinds >> access->kind & 1) != 0 && pc_glob(list[i].server, access->server) &&
            pc_glob(list[i].item, access->name))
            return &list[i];
    return NULL;
}

static const pattern *ruling_pattern(const rbac *it, const set *roles, const jf_access *access,
                                     bool *allows) {
    const pattern *allowed = NULL;
    *allows = false;
    if (access->kind > JF_PROMPTS) return NULL;
    for (uint32_t i = 0; i < it->count; i++) {
        if (!has(roles, i)) continue;
        const pattern *denied = matching(it->roles[i].deny, it->roles[i].denies, access);
        if (denied != NULL) return denied;
        if (allowed == NULL) allowed = matching(it->roles[i].allow, it->roles[i].allows, access);
    }
    *allows = allowed != NULL;
    return allowed;
}

static int32_t decide(pc_policy *policy, jf_ref op, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    (void)op;
    (void)why;
    const rbac *it = (const rbac *)policy;
    set roles = roles_of(it, access->principal);
    bool allows;
    const pattern *found = ruling_pattern(it, &roles, access, &allows);
    ruling->decision = allows ? JF_ALLOW : it->refusal;
    ruling->rule = found != NULL ? found->rule : pc_view("no role allows it");
    if (!allows) ruling->text = it->text;
    return JF_OK;
}

static int32_t review(pc_policy *policy, jf_ref op, const jf_access *const *accesses, uint64_t count,
                      jf_blob *decisions, jf_fault *why) {
    (void)op;
    const rbac *it = (const rbac *)policy;
    uint8_t *bytes = malloc(count + 1);
    if (bytes == NULL) return pc_no_memory(why);
    set roles = {{0}};
    for (uint64_t i = 0; i < count; i++) {
        bool allows;
        if (i == 0 || accesses[i]->principal != accesses[i - 1]->principal)
            roles = roles_of(it, accesses[i]->principal);
        ruling_pattern(it, &roles, accesses[i], &allows);
        bytes[i] = (uint8_t)(allows ? JF_ALLOW : it->refusal);
    }
    pc_give(decisions, bytes, count);
    return JF_OK;
}

/* The names of the roles, sorted as they are kept. */
static int32_t classify(pc_policy *policy, const jf_principal *principal, jf_blob *name, jf_fault *why) {
    const rbac *it = (const rbac *)policy;
    set roles = roles_of(it, principal);
    pc_text text = {0};
    for (uint32_t i = 0; i < it->count; i++) {
        if (!has(&roles, i)) continue;
        pc_put(&text, it->roles[i].name.ptr, it->roles[i].name.len);
        pc_puts(&text, ",");
    }
    if (text.failed) {
        free(text.bytes);
        return pc_no_memory(why);
    }
    pc_give(name, text.bytes, text.length);
    return JF_OK;
}

const pc_kind pc_this = {.plugin = "policy-rbac",
                         .name = "rbac",
                         .record = sizeof(rbac),
                         .open = open_rbac,
                         .decide = decide,
                         .review = review,
                         .classify = classify};
