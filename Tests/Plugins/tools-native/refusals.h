/* SPDX-License-Identifier: Apache-2.0
 * Declarations and libraries that are refused: where, why, and what was probably meant. */
#include "fixture.h"

#define LIBRARY "[library]\npath = \"library.so\"\nunpinned = true\n"
#define TOOL "[tool.t]\nsymbol = \"gives\"\nsummary = \"s\"\n"

static const struct {
    const char *declaration, *part;
} refused[] = {
    /* the file */
    {"", "1:1: [library] is missing"},
    {LIBRARY, "there is no [tool.NAME]"},
    {LIBRARY "[tols.t]\n", "4:2: unknown key 'tols' in the file; did you mean 'tool'?"},
    {"[library]\npath = 5\n", "2:8: 'path' must be a text, this is an integer"},
    {"[library]\npth = \"x\"\n", "2:1: unknown key 'pth' in [library]; did you mean 'path'?"},
    {"[library]\npath = \"library.so\"\nsha256 = \"abc\"\n", "3:10: 'sha256' must be 64 digits"},
    {"x = \n", "1:5: a value is missing"},
    {"x = \"abc\n", "1:5: the text has no end"},
    {"x = \"\\q\"\n", "1:6: this is no escape"},
    {"x = \"\\u0000\"\n", "1:6: an escape names no character"},
    {"x = 1\nx = 2\n", "2:1: this key is there twice"},
    {"[a]\n[a]\n", "2:2: this table is there twice"},
    {"x = [1, 2\n", "2:1: ',' or ']' is missing"},
    {"x = { a = 1, b }\n", "1:16: '=' is missing"},
    {"x = 1979-05-27\n", "1:5: this is no value"},
    {"x = 1 y = 2\n", "1:7: there is more on this line"},
    {"x = 9223372036854775808\n", "1:5: this is no value"},
    {"x = [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n", "nested too deeply"},
    {"caf\xC3\xA9 = 1\n", "1:4: '=' is missing"},
    {"x = \"\xC3\xA9\" z\n", "1:9: there is more"},
    {"x = \"\xFF\"\n", "1:5: the text is not UTF-8"},
    /* types and keys */
    {LIBRARY "[enum.e]\ntype = \"f64\"\nvalues = { a = 1 }\n", "'type' must be an integer type"},
    {LIBRARY "[enum.e]\ntype = \"u8\"\nvalues = { a = 256 }\n", "6:16: 256 does not fit in u8"},
    {LIBRARY "[enum.e]\n", "needs values"},
    {LIBRARY "[enum.e]\n" TOOL "params = [{ name = \"a\", type = \"enum:e\", value = \"b\" }]\n",
     "enum 'e' has no 'b'"},
    {LIBRARY "[struct.s]\nfields = []\n", "needs fields"},
    {LIBRARY "[struct.s]\nfields = [{ name = \"a\", type = \"in32\" }]\n",
     "unknown type 'in32' of a field; did you mean "
     "'i32'?"},
    {LIBRARY "[struct.s]\nfields = [{ name = \"a\", type = \"i8\" }, { name = \"a\", type = \"i8\" }]\n",
     "twice"},
    {LIBRARY "[struct.s]\nfields = [{ name = \"a\", type = \"text:0\" }]\n", "needs a length"},
    {LIBRARY "[handle.h]\nlimit = 0\n", "[handle.h] needs 'destroy'"},
    {LIBRARY "[handle.h]\ndestroy = \"exit\"\n" TOOL, "'exit' is not allowed"},
    {LIBRARY "[callback.c]\nparams = [{ type = \"texts:n\", name = \"x\" }]\n",
     "must name the integer parameter"},
    {LIBRARY "[tool.\"a b\"]\nsummary = \"s\"\n", "'a b' is no name for a tool"},
    {LIBRARY "[tool.t]\n", "[tool.t] needs 'summary'"},
    {LIBRARY TOOL "retuns = { type = \"i32\" }\n",
     "7:1: unknown key 'retuns' in [tool.t]; did you mean 'returns'?"},
    {LIBRARY TOOL "returns = { type = \"i23\" }\n", "7:20: unknown type 'i23' of a result; did you mean"},
    {LIBRARY TOOL "returns = { type = \"u8\", error = \"negative\" }\n", "u8 is never negative"},
    {LIBRARY TOOL "returns = { type = \"f64\", error = \"zero\" }\n", "needs an integer as result"},
    {LIBRARY TOOL "returns = { type = \"i32\", error = \"nonzro\" }\n", "did you mean 'nonzero'?"},
    {LIBRARY TOOL "returns = { type = \"i32\", error = \"null\" }\n", "'null' needs a pointer"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"in_txt\" }]\n",
     "7:32: unknown type 'in_txt'; did you mean 'in_text'?"},
    {LIBRARY TOOL "params = [{ type = \"i32\" }]\n", "needs 'name'"},
    {LIBRARY TOOL "params = [{ name = \"1a\", type = \"i32\" }]\n", "'1a' is no name"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"i32\", cap = 4 }]\n",
     "unknown key 'cap' in a parameter"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"in_text\", min = 4 }]\n",
     "'min' means nothing for a parameter of this"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"u8\", default = 256 }]\n", "256 does not fit in u8"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"u8\", default = 1, value = 1 }]\n", "not both"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"enum:e\" }]\n", "there is no [enum.e]"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"struct:s\" }]\n", "there is no [struct.s]"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"handle:h\" }]\n", "there is no [handle.h]"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"in_bytes\" }, { type = \"len_of:b\" }]\n",
     "there is no parameter 'b'"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"i32\" }, { type = \"len_of:a\" }]\n",
     "'a' has no length"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"out_bytes:b\" }]\n",
     "no parameter 'b' to say the capacity"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"out_bytes:0\" }]\n", "a capacity must be from 1"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"out_bytes:8\", length = \"return\" }]\n",
     "needs an integer result"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"i32\" }, { name = \"a\", type = \"i32\" }]\n", "twice"},
    {LIBRARY TOOL
     "params = [{ name = \"result\", type = \"out_scalar:i32\" }]\nreturns = { type = \"i32\" }\n",
     "also the name of what is returned"},
    {LIBRARY TOOL "fixed = 2\nparams = [{ name = \"a\", type = \"i32\" }]\n", "'fixed' is how many"},
    {LIBRARY TOOL "params = [{ name = \"a\", type = \"out_string\", optional = false }]\n",
     "out_string needs 'free'"},
    /* symbols */
    {LIBRARY "[tool.system]\nsummary = \"s\"\n", "4:7: 'system' is not allowed as a tool"},
    {LIBRARY "[tool.t]\nsummary = \"s\"\nsymbol = \"execve\"\n", "6:10: 'execve' is not allowed"},
    {LIBRARY "[tool.t]\nsummary = \"s\"\nsymbol = \"dlopen\"\n", "'dlopen' is not allowed"},
    {LIBRARY "[tool.t]\nsummary = \"s\"\nsymbol = \"setuid\"\n", "'setuid' is not allowed"},
    {LIBRARY "[tool.t]\nsummary = \"s\"\nsymbol = \"fork\"\n", "'fork' is not allowed"},
    {LIBRARY "[tool.nothing_there]\nsummary = \"s\"\n", "has no function 'nothing_there'"},
    {LIBRARY "[tool.some_data]\nsummary = \"s\"\n", "is data, not a function"},
    {LIBRARY "[tool.strlen]\nsummary = \"s\"\n", "but in a library that it needs"},
    {LIBRARY TOOL "returns = { type = \"text\", free = \"nothing_there\" }\n",
     "has no function 'nothing_there'"},
    {LIBRARY "[handle.h]\ndestroy = \"nothing_there\"\n" TOOL, "has no function 'nothing_there'"},
    {LIBRARY TOOL "returns = { type = \"i32\", error = \"nonzero\", text = \"system\" }\n",
     "'system' is not allowed"},
    /* the library */
    {"[library]\npath = \"./none.so\"\nunpinned = true\n" TOOL, "2:8: library './none.so' was not found"},
    {"[library]\npath = \"libnone.so.77\"\nunpinned = true\n" TOOL,
     "where the dynamic linker looks; give a path"},
    {"[library]\npath = \"./library.toml\"\nunpinned = true\n" TOOL, "cannot load"},
};

TEST(what_is_wrong_with_a_declaration_is_said_with_its_place) {
    jf_mock *mock = new_mock();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        /* A bare name is looked for where the linker looks; here it is beside the file. */
        char text[2000];
        const char *found = strstr(refused[i].declaration, "\"library.so\"");
        snprintf(text, sizeof text, "%s", refused[i].declaration);
        if (found != NULL)
            snprintf(text, sizeof text, "%.*s\"./library.so\"%s", (int)(found - refused[i].declaration),
                     refused[i].declaration, found + strlen("\"library.so\""));
        write_file("refused.toml", text);
        jf_ref set = open_file(mock, "refused.toml", "");
        CHECK(set == 0, "case %zu was accepted: %s", i, text);
        bool logged = jf_mock_logged(mock, JF_LOG_ERROR, refused[i].part);
        CHECK(logged, "case %zu: '%s' is not in: %s", i, refused[i].part, jf_mock_why(mock));
        CHECK(strstr(jf_mock_why(mock), "refused.toml") != NULL, "no file in: %s", jf_mock_why(mock));
        if (set != 0) jf_mock_close_set(mock, set);
    }
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(all_problems_of_a_declaration_come_at_once) {
    jf_mock *mock = new_mock();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    write_file("many.toml",
               "[library]\npath = \"x\"\nfoo = 1\n[tool.a]\n[tool.b]\nsummary = \"s\"\nbar = 1\n");
    CHECK(open_file(mock, "many.toml", "") == 0, "accepted");
    CHECK(strstr(jf_mock_why(mock), "many.toml:3:1: unknown key 'foo'") != NULL, "%s", jf_mock_why(mock));
    CHECK(strstr(jf_mock_why(mock), "(and 2 more in the log)") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_logged(mock, JF_LOG_ERROR, "many.toml:4:7: [tool.a] needs 'summary'"), "the second");
    CHECK(jf_mock_logged(mock, JF_LOG_ERROR, "many.toml:7:1: unknown key 'bar'"), "the third");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(a_library_is_pinned) {
    static const char rest[] = "[tool.t]\nsymbol = \"gives\"\nsummary = \"s\"\n";
    char text[600], hash[65];
    jf_mock *mock = new_mock();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    snprintf(text, sizeof text, "[library]\npath = \"./library.so\"\n%s", rest);
    write_file("pin.toml", text);
    CHECK(open_file(mock, "pin.toml", "") == 0, "unpinned and accepted");
    const char *said = strstr(jf_mock_why(mock), "sha256 = \"");
    REQUIRE(said != NULL, "%s", jf_mock_why(mock));
    snprintf(hash, sizeof hash, "%s", said + 10);

    /* What it says is what another program says. */
    char command[200], other[65] = "";
    snprintf(command, sizeof command, "sha256sum %s", library_path);
    FILE *sum = popen(command, "r");
    REQUIRE(sum != NULL && fread(other, 1, 64, sum) == 64, "no sha256sum");
    pclose(sum);
    CHECK(strcmp(hash, other) == 0, "%s is not %s", hash, other);

    snprintf(text, sizeof text, "[library]\npath = \"./library.so\"\nsha256 = \"%s\"\n%s", hash, rest);
    write_file("pin.toml", text);
    jf_ref set = open_file(mock, "pin.toml", "");
    CHECK(set != 0, "%s", jf_mock_why(mock));
    hash[5] = hash[5] == '0' ? '1' : '0';
    snprintf(text, sizeof text, "[library]\npath = \"./library.so\"\nsha256 = \"%s\"\n%s", hash, rest);
    write_file("pin.toml", text);
    CHECK(open_file(mock, "pin.toml", "") == 0, "the wrong one accepted");
    CHECK(strstr(jf_mock_why(mock), other) != NULL, "the actual hash is not in: %s", jf_mock_why(mock));

    CHECK(chmod(library_path, 0646) == 0, "chmod");
    CHECK(open_file(mock, "library.toml", "") == 0 &&
              strstr(jf_mock_why(mock), "everybody may write") != NULL,
          "%s", jf_mock_why(mock));
    CHECK(chmod(library_path, 0644) == 0, "chmod");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(configuration) {
    jf_mock *mock = new_mock();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    CHECK(open_file(mock, "nowhere.toml", "") == 0 &&
              strstr(jf_mock_why(mock), "nowhere.toml: cannot read it") != NULL,
          "%s", jf_mock_why(mock));
    CHECK(jf_mock_open_set(mock, "n", "{}") == 0, "without declarations");
    jf_ref set = open_file(mock, "library.toml", ",\"max_argument_bytes\":4");
    REQUIRE(set != 0, "%s", jf_mock_why(mock));
    refuses(mock, set, "made", "{\"text\":\"12345\"}", "5 bytes, at most 4");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(an_instance_needs_its_service) {
    jf_mock *mock = new_mock();
    jf_mock_hide(mock, "jf.ops/1");
    REQUIRE(jf_mock_load(mock, jf_check_plugin) == JF_OK, "does not load");
    CHECK(jf_mock_create(mock, "{}") == JF_E_UNSUPPORTED, "created");
    CHECK(strstr(jf_mock_why(mock), "jf.ops/1") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/** Runs check-signatures on a declaration; its exit status, its words in `said`. */
static int check_signatures(const char *declaration, char *said, size_t size) {
    char here[400], command[1200];
    const char *slash = strrchr(__FILE__, '/');
    snprintf(here, sizeof here, "%.*s", slash == NULL ? 1 : (int)(slash - __FILE__),
             slash == NULL ? "." : __FILE__);
    snprintf(command, sizeof command, "%s/../../../Plugins/tools-native/check-signatures %s/%s -I%s 2>&1",
             here, folder, declaration, here);
    FILE *out = popen(command, "r");
    if (out == NULL) return -1;
    said[fread(said, 1, size - 1, out)] = 0;
    return WEXITSTATUS(pclose(out));
}

TEST(declarations_are_compared_with_headers) {
    static const struct {
        const char *declaration, *part;
    } wrong[] = {
        {TOOL "returns = { type = \"i64\" }\nparams = [{ name = \"v\", type = \"i32\" }]\n",
         "the header has"},
        {TOOL "returns = { type = \"int\" }\nparams = [{ name = \"v\", type = \"u32\" }]\n",
         "the declaration means"},
        {TOOL "returns = { type = \"int\" }\n", "tool 't': gives"},
        {"[tool.not_there]\nsummary = \"s\"\n", "not_there"},
        {TOOL
         "[struct.pair]\nfields = [{ name = \"a\", type = \"i32\" }, { name = \"b\", type = \"i64\" }]\n",
         "struct pair.b"},
        {TOOL
         "[struct.mixed]\nfields = [{ name = \"x\", type = \"i64\" }, { name = \"n\", type = \"i32\" }]\n",
         "struct mixed.x: the declaration has i64"},
        {TOOL "[enum.e]\nvalues = { g = 5 }\nconstants = { g = \"GREEN\" }\n",
         "GREEN: the declaration has 5"},
    };
    char said[4000], text[1000];
    int status = check_signatures("library.toml", said, sizeof said);
    CHECK(status == 0, "%d: %s", status, said);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "[library]\npath = \"x\"\nheaders = [\"library.h\"]\n%s",
                 wrong[i].declaration);
        write_file("wrong.toml", text);
        status = check_signatures("wrong.toml", said, sizeof said);
        CHECK(status == 1 && strstr(said, wrong[i].part) != NULL, "case %zu: %d: %s", i, status, said);
    }
    write_file("wrong.toml", "[library]\n");
    status = check_signatures("wrong.toml", said, sizeof said);
    CHECK(status == 2 && strstr(said, "[library] needs 'path'") != NULL, "%d: %s", status, said);
}
