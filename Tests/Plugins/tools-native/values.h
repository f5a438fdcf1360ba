/* SPDX-License-Identifier: Apache-2.0
 * Values in and out: widths, promotion, structs, buffers, texts. */
#include "fixture.h"

TEST(integers_keep_their_width_and_sign) {
    static const struct {
        const char *tool, *value;
    } cases[] = {{"same_i8", "-128"},        {"same_i8", "127"},
                 {"same_i8", "-1"},          {"same_u8", "0"},
                 {"same_u8", "255"},         {"same_i16", "-32768"},
                 {"same_i16", "32767"},      {"same_u16", "60000"},
                 {"same_i32", "-7"},         {"same_i32", "2147483647"},
                 {"same_u32", "4294967295"}, {"same_i64", "-9007199254740991"},
                 {"same_i64", "5"},          {"same_u64", "9007199254740991"}};
    jf_ref set;
    jf_mock *mock = started(&set);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char arguments[80];
        snprintf(arguments, sizeof arguments, "{\"v\":%s}", cases[i].value);
        gives(mock, set, cases[i].tool, arguments, "/result", cases[i].value);
    }
    gives(mock, set, "same_i32", "{\"v\":5.0}", "/result", "5");
    gives(mock, set, "same_i32", "{\"v\":1e3}", "/result", "1000");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(wide_integers_are_strings_beyond_what_json_keeps) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "same_i64", "{\"v\":\"-9223372036854775808\"}", "/result", "-9223372036854775808");
    gives(mock, set, "same_i64", "{\"v\":9223372036854775807}", "/result", "9223372036854775807");
    gives(mock, set, "same_u64", "{}", "/result", "18446744073709551615");
    const char *answer = call_tool(mock, set, "same_u64", "{\"v\":\"9007199254740992\"}");
    CHECK(answer != NULL && strstr(answer, "\"result\":\"9007199254740992\"") != NULL, "%s", answer);
    answer = call_tool(mock, set, "same_u64", "{\"v\":\"9007199254740991\"}");
    CHECK(answer != NULL && strstr(answer, "\"result\":9007199254740991}") != NULL, "%s", answer);
    answer = call_tool(mock, set, "spelt", "{\"v\":5}");
    CHECK(answer != NULL && strstr(answer, "\"result\":\"5\"}") != NULL, "%s", answer);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(reals_and_booleans) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "half", "{\"v\":0.2}", "/result", "0.1");
    gives(mock, set, "half", "{\"v\":-3}", "/result", "-1.5");
    gives(mock, set, "twice", "{\"v\":0.15}", "/result", "0.3");
    gives(mock, set, "twice", "{\"v\":1e200}", "/result", "2e+200");
    gives(mock, set, "negate", "{\"v\":true}", "/result", "false");
    gives(mock, set, "negate", "{\"v\":false}", "/result", "true");
    gives(mock, set, "truth", "{\"v\":-4}", "/result", "true");
    refuses(mock, set, "not_a_number", "{}", "not a finite number");
    refuses(mock, set, "half", "{\"v\":1e39}", "too large for a float");
    refuses(mock, set, "half", "{\"v\":1e999}", "finite number");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(arguments_beyond_the_registers_arrive) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "show_all",
          "{\"a\":-1,\"b\":254,\"c\":-300,\"d\":65535,\"e\":-70000,\"f\":4294967295,\"g\":-5000000000,"
          "\"h\":\"18446744073709551615\",\"i\":0.5,\"j\":-2.25,\"k\":true}",
          "/out", "-1 254 -300 65535 -70000 4294967295 -5000000000 18446744073709551615 0.5 -2.25 1");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(variadic_arguments_are_promoted) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "show_more",
          "{\"a\":-2,\"b\":65535,\"c\":1.5,\"d\":true,\"e\":-5000000000,\"f\":\"end\"}", "/out",
          "-2 65535 1.5 1 -5000000000 end");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(structs_by_value) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "swap", "{\"v\":{\"a\":1,\"b\":-2}}", "/result/a", "-2");
    gives(mock, set, "swap", "{\"v\":{\"a\":1}}", "/result/a", "9");
    gives(mock, set, "shift", "{\"v\":{\"x\":0.5,\"n\":10}}", "/result/x", "2.5");
    gives(mock, set, "shift", "{\"v\":{\"x\":0.5,\"n\":10}}", "/result/n", "8");
    gives(mock, set, "grow", "{\"v\":{\"a\":1,\"b\":2,\"c\":\"9007199254740993\"}}", "/result/c",
          "9007199254740994");
    gives(mock, set, "rename_it", "{\"v\":{\"id\":65534,\"name\":\"caf\\u00e9\",\"raw\":\"AQID\"}}",
          "/result/name", "<caf\xC3\xA9>");
    gives(mock, set, "rename_it", "{\"v\":{\"id\":65534,\"name\":\"\",\"raw\":\"AQID\"}}", "/result/raw",
          "AQID");
    gives(mock, set, "rename_it", "{\"v\":{\"id\":65534,\"name\":\"\",\"raw\":\"AQID\"}}", "/result/level",
          "-5");
    refuses(mock, set, "swap", "{\"v\":{\"a\":1,\"c\":2}}", "v has no member 'c'");
    refuses(mock, set, "swap", "{\"v\":{\"b\":1}}", "v.a is missing");
    refuses(mock, set, "swap", "{\"v\":{\"a\":1,\"a\":2}}", "twice");
    refuses(mock, set, "swap", "{\"v\":{\"a\":2147483648}}", "v.a must be an integer from -2147483648");
    refuses(mock, set, "swap", "{\"v\":[1,2]}", "v must be an object");
    refuses(mock, set, "rename_it", "{\"v\":{\"id\":1,\"name\":\"123456789012\",\"raw\":\"\"}}",
            "at most 11");
    refuses(mock, set, "rename_it", "{\"v\":{\"id\":1,\"name\":\"\",\"raw\":\"AQIDBA==\"}}", "at most 3");
    refuses(mock, set, "rename_it", "{\"v\":{\"id\":1,\"name\":\"\",\"raw\":\"\",\"level\":1}}",
            "no member 'level'");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(structs_by_pointer) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "norm", "{\"v\":{\"x\":1.5,\"n\":4}}", "/result", "6");
    gives(mock, set, "fill", "{}", "/v/name", "seven");
    gives(mock, set, "fill", "{}", "/v/level", "-1");
    gives(mock, set, "bump", "{\"v\":{\"x\":1.5,\"n\":4}}", "/v/x", "3");
    gives(mock, set, "bump", "{\"v\":{\"x\":1.5,\"n\":4}}", "/v/n", "5");
    gives(mock, set, "the_pair", "{\"which\":1}", "/result/b", "4");
    refuses(mock, set, "the_pair", "{\"which\":0}", "the_pair failed");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(bytes_and_their_lengths) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "sum", "{\"data\":\"AQID/w==\"}", "/result", "261");
    gives(mock, set, "sum", "{\"data\":\"AQID\\/w\",\"seed\":1}", "/result", "262");
    gives(mock, set, "sum", "{\"data\":\"\"}", "/result", "0");
    gives(mock, set, "twice_bytes", "{\"in\":\"ab\"}", "/out", "YWJhYg==");
    gives(mock, set, "twice_bytes", "{\"in\":\"\",\"room\":0}", "/out", "");
    gives(mock, set, "copy_out", "{\"in\":\"AAEC\"}", "/out", "AAEC");
    gives(mock, set, "digest", "{}", "/out", "0123456789abcdef");
    gives(mock, set, "window", "{}", "/data", "abc");
    refuses(mock, set, "sum", "{\"data\":\"AQIDBAUGBwgJCgsMDQ==\"}", "at most 12");
    refuses(mock, set, "sum", "{\"data\":\"A\"}", "not base64");
    refuses(mock, set, "sum", "{\"data\":\"A?==\"}", "not base64");
    refuses(mock, set, "sum", "{\"data\":\"AR==\"}", "not base64");
    refuses(mock, set, "sum", "{\"data\":5}", "string of base64");
    refuses(mock, set, "twice_bytes", "{\"in\":\"abc\",\"room\":5}", "No space left");
    refuses(mock, set, "twice_bytes", "{\"in\":\"abc\",\"room\":1048577}", "at most 1048576");
    refuses(mock, set, "copy_out", "{\"in\":\"AAEC\",\"room\":2}", "copy_out failed (5)");
    refuses(mock, set, "copy_out", "{\"in\":\"AAEC\",\"room\":-2}", "must not be negative");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(texts) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "length_of", "{\"text\":\"caf\\u00e9\"}", "/result", "5");
    gives(mock, set, "length_of", "{\"text\":\"\\ud83d\\ude00\"}", "/result", "4");
    gives(mock, set, "length_of", "{\"text\":null}", "/result", "999");
    gives(mock, set, "length_of", "{}", "/result", "999");
    gives(mock, set, "word", "{\"which\":1}", "/result", "one");
    gives(mock, set, "word", "{\"which\":0}", "/result", "null");
    gives(mock, set, "word", "{\"which\":2}", "/result", "caf\xC3\xA9 \xEF\xBF\xBD");
    gives(mock, set, "made", "{\"text\":\"\\\"\\\\\\n\\t\"}", "/result", "\"\\\n\t");
    refuses(mock, set, "made", "{\"text\":\"1234567\"}", "longer than the 6 bytes");
    refuses(mock, set, "length_of", "{\"text\":\"a\\u0000b\"}", "NUL");
    refuses(mock, set, "length_of", "{\"text\":\"\\ud83d\"}", "surrogate");
    refuses(mock, set, "length_of", "{\"text\":\"123456789\"}", "9 bytes, at most 8");
    refuses(mock, set, "length_of", "{\"text\":7}", "must be a string");
    gives(mock, set, "release_count", "{}", "/result", "2");
    gives(mock, set, "complain", "{\"code\":1}", "/message", "too bad");
    gives(mock, set, "complain", "{\"code\":0}", "/message", "null");
    gives(mock, set, "release_count", "{}", "/result", "3");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(out_parameters_and_enums) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "divide", "{\"a\":-17,\"b\":5}", "/quotient", "-3");
    gives(mock, set, "divide", "{\"a\":-17,\"b\":5}", "/rest", "-2");
    gives(mock, set, "step", "{\"value\":\"9007199254740991\"}", "/value", "9007199254740992");
    gives(mock, set, "next_color", "{}", "/result", "green");
    gives(mock, set, "next_color", "{\"it\":\"green\"}", "/result", "blue");
    gives(mock, set, "next_color", "{\"it\":\"blue\"}", "/result", "4");
    refuses(mock, set, "next_color", "{\"it\":\"grene\"}", "did you mean 'green'?");
    refuses(mock, set, "next_color", "{\"it\":2}", "one of the 3 names");
    refuses(mock, set, "divide", "{\"a\":1,\"b\":0}", "b must be at least 1");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(what_the_library_gets_wrong_is_noticed) {
    jf_ref set;
    jf_mock *mock = started(&set);
    refuses(mock, set, "claim", "{}", "reports 9 bytes, there is room for 8");
    refuses(mock, set, "no_end", "{}", "no end in its buffer");
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "overrun", "{}");
    CHECK(jf_mock_op_at(mock, op).status == JF_E_FAULT, "status %d", (int)jf_mock_op_at(mock, op).status);
    CHECK((jf_mock_op_at(mock, op).fault.flags & JF_FAULT_PUBLIC) == 0, "clients are told of memory");
    CHECK(jf_mock_logged(mock, JF_LOG_ERROR, "wrote past 'out'"), "not logged");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}
