/* SPDX-License-Identifier: Apache-2.0
 * Writes the C program that check-signatures compiles: `generate DECLARATION.toml [probe SYMBOL]`.
 *
 * For each function it asserts that one of the types that the declaration can mean is the header's own. What
 * the declaration leaves open (a u64 may be an unsigned long or an unsigned long long, bytes may be char,
 * unsigned char or void) is tried in all combinations. `probe` writes a program whose error message shows the
 * type that the header gives a symbol. Lines of the program that assert something carry #line of the
 * declaration. */
#include "../declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CHOICES 8u
#define MOST_COMBINATIONS 16384u

/** How one parameter or result may be spelt in C. */
typedef struct choices {
    const char *all[MOST_CHOICES + 1];
    char room[MOST_CHOICES][400];
    uint32_t count;
} choices;

static void offer(choices *to, const char *before, const char *type, const char *after) {
    if (to->count == MOST_CHOICES) return;
    snprintf(to->room[to->count], sizeof to->room[0], "%s%s%s", before, type, after);
    to->all[to->count] = to->room[to->count];
    to->count++;
}

/** A scalar, with something around it. */
static void offer_scalar(choices *to, ctype type, const char *spelling, const char *before,
                         const char *after) {
    static const char *const wide[][3] = {{"long", "long long", NULL},
                                          {"unsigned long", "unsigned long long", NULL}};
    static const char *const narrow[] = {
        NULL, "signed char", "unsigned char", "short",  "unsigned short", "int", "unsigned int",
        NULL, NULL,          "float",         "double", "_Bool"};
    if (spelling != NULL) {
        offer(to, before, spelling, after);
    } else if (type == T_I64 || type == T_U64) {
        offer(to, before, wide[type == T_U64][0], after);
        offer(to, before, wide[type == T_U64][1], after);
    } else {
        offer(to, before, narrow[type], after);
        if (type == T_I8 || type == T_U8) offer(to, before, "char", after);
    }
}

static void offer_enum(choices *to, const enum_decl *it, const char *before, const char *after) {
    if (it->c != NULL)
        offer(to, before, it->c, after);
    else
        offer_scalar(to, it->type, NULL, before, after);
}

static const char *record_name(const record_decl *it, char *room, size_t size) {
    snprintf(room, size, it->c != NULL ? "%s" : "struct %s", it->c != NULL ? it->c : it->name);
    return room;
}

/** The type of a callback as a pointer. */
static void offer_callback(choices *to, const callback_decl *it) {
    char text[400], name[64];
    if (it->c != NULL) {
        offer(to, "", it->c, "");
        return;
    }
    /* 64-bit parameters without `c` are taken as long. */
    choices one = {.count = 0};
    if (it->returns == T_VOID)
        offer(&one, "", "void", "");
    else
        offer_scalar(&one, it->returns, NULL, "", "");
    snprintf(text, sizeof text, "%s (*)(", one.all[0]);
    for (uint32_t i = 0; i < it->count; i++) {
        const row_param *param = &it->params[i];
        one.count = 0;
        if (param->c != NULL)
            offer(&one, "", param->c, "");
        else if (param->enumeration != NULL)
            offer_enum(&one, param->enumeration, "", "");
        else if (param->role == ROW_SCALAR)
            offer_scalar(&one, param->type, NULL, "", "");
        else
            offer(&one, "",
                  param->role == ROW_TEXT    ? "const char *"
                  : param->role == ROW_TEXTS ? "char **"
                  : param->role == ROW_BYTES ? "const unsigned char *"
                                             : "void *",
                  "");
        snprintf(name, sizeof name, "%s%s", i == 0 ? "" : ", ", one.all[0]);
        strncat(text, name, sizeof text - strlen(text) - 1);
    }
    strncat(text, ")", sizeof text - strlen(text) - 1);
    offer(to, "", text, "");
}

static void offer_param(choices *to, const param_decl *it) {
    char name[200];
    if (it->c != NULL) {
        offer(to, "", it->c, "");
        return;
    }
    switch (it->role) {
    case P_SCALAR:
        offer_scalar(to, it->type, it->spelling, "", "");
        break;
    case P_ENUM:
        offer_enum(to, it->enumeration, "", "");
        break;
    case P_LENGTH:
        offer_scalar(to, it->type, it->spelling, "", it->by_pointer ? " *" : "");
        break;
    case P_OUT_SCALAR:
    case P_INOUT:
        if (it->enumeration != NULL)
            offer_enum(to, it->enumeration, "", " *");
        else
            offer_scalar(to, it->type, it->spelling, "", " *");
        break;
    case P_TEXT:
        offer(to, "", "const char *", "");
        offer(to, "", "char *", "");
        offer(to, "", "const unsigned char *", "");
        break;
    case P_BYTES:
        offer(to, "", "const void *", "");
        offer(to, "", "const unsigned char *", "");
        offer(to, "", "const char *", "");
        offer(to, "", "void *", "");
        break;
    case P_OUT_BYTES:
    case P_OUT_TEXT:
        offer(to, "", "char *", "");
        offer(to, "", "unsigned char *", "");
        offer(to, "", "void *", "");
        break;
    case P_RECORD:
        offer(to, "", record_name(it->record, name, sizeof name), "");
        break;
    case P_RECORD_IN:
        offer(to, "const ", record_name(it->record, name, sizeof name), " *"); /* fall through */
    case P_RECORD_OUT:
    case P_RECORD_INOUT:
        offer(to, "", record_name(it->record, name, sizeof name), " *");
        break;
    case P_HANDLE:
        offer(to, "", it->handle->c != NULL ? it->handle->c : "void *", "");
        if (it->handle->c != NULL) offer(to, "const ", it->handle->c, "");
        break;
    case P_OUT_HANDLE:
        offer(to, "", it->handle->c != NULL ? it->handle->c : "void *", " *");
        break;
    case P_OUT_STRING:
        offer(to, "", "char **", "");
        offer(to, "", "const char **", "");
        break;
    case P_CALLBACK:
        offer_callback(to, it->callback);
        break;
    case P_NULL:
        offer(to, "", "void *", "");
        offer(to, "", "const void *", "");
        break;
    }
}

static void offer_result(choices *to, const result_decl *it) {
    char name[200];
    if (it->c != NULL) {
        offer(to, "", it->c, "");
        return;
    }
    switch (it->role) {
    case R_VOID:
        offer(to, "", "void", "");
        break;
    case R_SCALAR:
        offer_scalar(to, it->type, it->spelling, "", "");
        break;
    case R_ENUM:
        offer_enum(to, it->enumeration, "", "");
        break;
    case R_TEXT:
        offer(to, "", "const char *", "");
        offer(to, "", "char *", "");
        break;
    case R_BYTES:
        offer(to, "", "const void *", "");
        offer(to, "", "const unsigned char *", "");
        break;
    case R_RECORD:
        offer(to, "", record_name(it->record, name, sizeof name), "");
        break;
    case R_RECORD_REF:
        offer(to, "const ", record_name(it->record, name, sizeof name), " *");
        offer(to, "", record_name(it->record, name, sizeof name), " *");
        break;
    case R_HANDLE:
        offer(to, "", it->handle->c != NULL ? it->handle->c : "void *", "");
        break;
    }
}

/** One combination as a pointer to function. */
static void put_type(FILE *out, const tool_decl *tool, const choices *all, const uint32_t *at) {
    bool any = false;
    fprintf(out, "%s (*)(", all[0].all[at[0]]);
    for (uint32_t i = 0; i < tool->count; i++) {
        if (!tool->params[i].passed || i >= tool->fixed) continue;
        fprintf(out, "%s%s", any ? ", " : "", all[i + 1].all[at[i + 1]]);
        any = true;
    }
    fprintf(out, "%s)", tool->fixed != NONE ? ", ..." : any ? "" : "void");
}

static void check_tool(const declaration *it, const char *file, const tool_decl *tool) {
    static choices all[MOST_PARAMS + 1];
    uint32_t at[MOST_PARAMS + 1] = {0}, total = 1, last;
    memset(all, 0, sizeof all);
    offer_result(&all[0], &tool->result);
    for (uint32_t i = 0; i < tool->count; i++)
        offer_param(&all[i + 1], &tool->params[i]);
    for (uint32_t i = 0; i <= tool->count; i++)
        total = total * all[i].count > MOST_COMBINATIONS ? MOST_COMBINATIONS : total * all[i].count;
    (void)it;
    printf("#line %u \"%s\"\n_Static_assert(", tool->at.line, file);
    for (uint32_t done = 0; done < total; done++) {
        printf("%s__builtin_types_compatible_p(__typeof__(&%s), ", done == 0 ? "" : " || ", tool->symbol);
        put_type(stdout, tool, all, at);
        printf(")");
        for (last = 0; last <= tool->count && ++at[last] == all[last].count; last++)
            at[last] = 0;
    }
    memset(at, 0, sizeof at);
    printf(", \"JF %s %s ", tool->name, tool->symbol);
    put_type(stdout, tool, all, at);
    printf("\");\n");
}

static void check_record(const char *file, const record_decl *it) {
    char name[200];
    record_name(it, name, sizeof name);
    printf("#line %u \"%s\"\n_Static_assert(sizeof(%s) == %zu, \"JF %s: the declaration has %zu bytes\");\n",
           it->at.line, file, name, it->size, name, it->size);
    for (uint32_t i = 0; i < it->count; i++) {
        const field_decl *field = &it->fields[i];
        size_t size = ctype_size(field->type) * (field->count == 0 ? 1 : field->count);
        printf("#line %u \"%s\"\n_Static_assert(__builtin_offsetof(%s, %s) == %zu, \"JF %s.%s: the "
               "declaration has it at "
               "%zu\");\n",
               field->at.line, file, name, field->name, field->offset, name, field->name, field->offset);
        printf("#line %u \"%s\"\n_Static_assert(sizeof(((%s *)0)->%s) == %zu, \"JF %s.%s: the declaration "
               "has %zu "
               "bytes\");\n",
               field->at.line, file, name, field->name, size, name, field->name, size);
        if (field->count != 0) continue;
        bool real = ctype_is_real(field->type), is_signed = real || ctype_is_signed(field->type);
        printf("#line %u \"%s\"\n_Static_assert((((__typeof__(((%s *)0)->%s))-1) < 1) == %d, \"JF %s.%s: the "
               "declaration "
               "has it %s\");\n",
               field->at.line, file, name, field->name, is_signed, name, field->name,
               is_signed ? "signed" : "unsigned");
        printf(
            "#line %u \"%s\"\n_Static_assert((((__typeof__(((%s *)0)->%s))0.5) != 0) == %d, \"JF %s.%s: the "
            "declaration has %s\");\n",
            field->at.line, file, name, field->name, real || field->type == T_BOOL, name, field->name,
            ctype_name(field->type));
    }
}

static void check_enum(const char *file, const enum_decl *it) {
    for (uint32_t i = 0; i < it->count; i++)
        if (it->constants[i] != NULL)
            printf(
                "#line %u \"%s\"\n_Static_assert((%s) == (%lldLL), \"JF %s: the declaration has %lld\");\n",
                it->at.line, file, it->constants[i], (long long)it->values[i], it->constants[i],
                (long long)it->values[i]);
    if (it->c != NULL)
        printf(
            "#line %u \"%s\"\n_Static_assert(sizeof(%s) == %zu, \"JF %s: the declaration has %zu bytes\");\n",
            it->at.line, file, it->c, ctype_size(it->type), it->c, ctype_size(it->type));
}

int main(int argc, char **argv) {
    problems list = {.file = argc > 1 ? argv[1] : "?"};
    declaration it;
    static char bytes[TOML_LARGEST + 1];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "cannot read %s\n", list.file);
        return 2;
    }
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (!declaration_read(&it, bytes, length, &list)) {
        for (uint32_t i = 0; i < list.count && i < PROBLEMS_KEPT; i++)
            fprintf(stderr, "%s\n", list.text[i]);
        return 2;
    }
    if (it.header_count == 0) {
        fprintf(stderr, "%s: [library] needs headers = [\"...\"] to be checked against\n", list.file);
        return 2;
    }
    for (uint32_t i = 0; i < it.header_count; i++)
        printf("#include <%s>\n", it.headers[i]);
    if (argc > 3 && strcmp(argv[2], "probe") == 0) {
        printf("struct jf_shown;\nstruct jf_shown **jf_show(void) { return &%s; }\n", argv[3]);
    } else {
        for (uint32_t i = 0; i < it.enum_count; i++)
            check_enum(argv[1], &it.enums[i]);
        for (uint32_t i = 0; i < it.record_count; i++)
            check_record(argv[1], &it.records[i]);
        for (uint32_t i = 0; i < it.tool_count; i++)
            check_tool(&it, argv[1], &it.tools[i]);
    }
    declaration_free(&it);
    return 0;
}
