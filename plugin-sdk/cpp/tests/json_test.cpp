// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's JSON, fields, schemas and results.
#include "jf_check.h"

#include <jackfield/plugin.hpp>

#include <cstdlib>
#include <vector>

using namespace jackfield;
using json::Kind;
using json::Value;

TEST(takes_what_is_json) {
    for (const char *good :
         {"null", " true ", "false", "0", "-0", "12", "-1.5e+3", "1E5", "\"\"", "\"\\u00e9\\n\"", "[]",
          "[ 1 , [ ] , {} ]", "{\"a\":1}", "{ \"a\" : { \"b\" : [ null ] } }", "\"\xF0\x9F\x94\xA7\""})
        CHECK(!!Value::parse(good), "%s", good);
    std::string deep = std::string(128, '[') + std::string(128, ']');
    CHECK(!!Value::parse(deep), "128 levels");
}

TEST(refuses_what_is_not) {
    for (const char *bad : {"",
                            " ",
                            "nul",
                            "nulll",
                            "True",
                            "01",
                            "-",
                            "+1",
                            "1.",
                            ".5",
                            "1e",
                            "1e+",
                            "0x1",
                            "NaN",
                            "\"",
                            "\"\\x\"",
                            "\"\\u12g4\"",
                            "\"\\u12",
                            "\"a\nb\"",
                            "[",
                            "[1",
                            "[1,",
                            "[1,]",
                            "[,1]",
                            "[1 2]",
                            "]",
                            "{",
                            "{\"a\"",
                            "{\"a\":",
                            "{\"a\":1",
                            "{\"a\":1,}",
                            "{a:1}",
                            "{\"a\" 1}",
                            "{1:2}",
                            "[1}",
                            "{\"a\":1]",
                            "1 2",
                            "\"\xC0\x80\"",
                            "\"\xED\xA0\x80\"",
                            "\"\xF4\x90\x80\x80\"",
                            "\"\xE2\x82\"",
                            "\"\xFF\"",
                            "// a\n1"})
        CHECK(!Value::parse(bad), "%s", bad);
    std::string deep = std::string(129, '[') + std::string(129, ']');
    CHECK(!Value::parse(deep), "129 levels");
}

/* Every prefix, and every single byte replaced: nothing may be read outside, whatever comes out. */
TEST(broken_text_is_safe) {
    const std::string whole =
        R"({"a":[1,{"b":"\u00e9\ud83d\udd27x"},-2.5e3],"c":{"d":null,"e":[true,false]}})";
    size_t seen = 0;
    auto look = [&](const std::string &text) {
        std::vector<char> exact(text.begin(), text.end()); /* no byte behind: AddressSanitizer watches */
        std::string_view bytes(exact.data(), exact.size());
        for (Value value : {Value::trusted(bytes), Value::parse(bytes)}) {
            seen += value["a"].size() + value["c"].size();
            for (const json::Member &member : value.members())
                for (Value item : member.value.items())
                    seen += item["b"].text().value_or("").size() +
                            static_cast<size_t>(item.integer().has_value());
        }
    };
    for (size_t length = 0; length <= whole.size(); length++)
        look(whole.substr(0, length));
    for (size_t at = 0; at < whole.size(); at++)
        for (char c : {'"', '\\', '{', ']', ',', '\0', '\xFF'}) {
            std::string changed = whole;
            changed[at] = c;
            look(changed);
        }
    CHECK(seen > 1000, "%zu", seen);
}

TEST(finds_members_and_items) {
    Value root = Value::parse(R"({"a":1,"b\"c":[10,20,30],"\u0061b":"x","a":2,"n":null})");
    CHECK(root["a"].integer() == 1, "the first of two wins");
    CHECK(root["b\"c"][size_t(2)].integer() == 30, "an escaped key");
    CHECK(root["ab"].text() == "x", "a key spelt with an escape");
    CHECK(!root["z"] && root["z"].kind() == Kind::absent && !root["z"]["y"][size_t(3)].integer(),
          "absent all the way");
    CHECK(root["n"].is_null() && root["n"], "null is there");
    CHECK(root.size() == 5 && root["b\"c"].size() == 3 && root["a"].size() == 0, "sizes");
    std::string keys;
    for (const json::Member &member : root.members())
        keys += member.key() + ",";
    CHECK(keys == "a,b\"c,ab,a,n,", "%s", keys.c_str());
}

TEST(reads_numbers) {
    auto whole = [](const char *text) { return Value::parse(text).integer(); };
    CHECK(whole("9223372036854775807") == INT64_MAX && whole("-9223372036854775808") == INT64_MIN,
          "the ends");
    CHECK(!whole("9223372036854775808") && !whole("1.5") && !whole("1e300") && !whole("\"1\""),
          "not integers");
    CHECK(whole("5.0") == 5 && whole("5e0") == 5 && whole("-25E-1") == std::nullopt && whole("-0") == 0,
          "whole ones");
    auto real = [](const char *text) { return Value::parse(text).number(); };
    CHECK(real("0.1") == 0.1 && real("-1.5e3") == -1500.0 && real("1e-400") == 0.0 && real("0.0") == 0.0,
          "numbers");
    CHECK(!real("1e400") && !real("true"), "none");
}

TEST(decodes_and_encodes_strings) {
    auto text = [](const char *json) { return Value::parse(json).text().value_or("?"); };
    CHECK(text(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t", "escapes");
    CHECK(text(R"("\u00e9\u20ac\ud83d\udd27")") == "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\xA7", "code points");
    CHECK(text(R"("\ud83dx\udd27")") == "\xEF\xBF\xBDx\xEF\xBF\xBD", "lone surrogates");
    CHECK(text(R"("a\u0000b")") == std::string("a\0b", 3), "NUL");
    for (const std::string &one : {std::string("plain"), std::string("\"\\\n\x01\x7F"),
                                   std::string("a\0b", 3), std::string("\xF0\x9F\x94\xA7")})
        CHECK(Value::parse(json::quoted(one)).text() == one, "%s", json::quoted(one).c_str());
    CHECK(json::quoted("a\xFFz\xE2\x82") == "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"", "%s",
          json::quoted("a\xFFz\xE2\x82").c_str());
}

TEST(writes) {
    json::Node node = json::object(
        {{"a", 1}, {"b", "x"}, {"c", json::array({true, nullptr, 2.5, -3})}, {"d", json::object({})}});
    CHECK(node.text() == R"({"a":1,"b":"x","c":[true,null,2.5,-3],"d":{}})", "%s", node.text().c_str());
    json::Writer writer;
    writer.begin_object()
        .key("list")
        .begin_array()
        .value(1)
        .begin_object()
        .end_object()
        .value("z")
        .end_array();
    writer.member("k", Value::parse(" [1, 2] ")).end_object();
    CHECK(writer.text() == R"({"list":[1,{},"z"],"k":[1, 2]})", "%s", writer.text().c_str());
    CHECK(json::Node(0.1).text() == "0.1" && json::Node(1.0 / 0.0).text() == "null", "%s",
          json::Node(0.1).text().c_str());
    CHECK(json::Node(UINT64_MAX).text() == "18446744073709551615", "the largest");
    for (double number : {0.1, 1e21, -2.5e-7, 123456789.125})
        CHECK(Value::parse(json::Node(number).text()).number() == number, "%s",
              json::Node(number).text().c_str());
}

TEST(fields_explain_mistakes) {
    Fields fields(Value::parse(
        R"({"s":"x","i":5,"big":300,"neg":-1,"b":true,"d":1.5,"l":[1,2],"m":[1,"x"],"n":null})"));
    std::string s;
    int i = 0;
    uint8_t small = 7;
    bool b = false;
    double d = 0;
    std::vector<int> l;
    CHECK(!fields.read("s", s) && s == "x" && !fields.read("i", i) && i == 5, "read");
    CHECK(!fields.read("b", b) && b && !fields.read("d", d) && d == 1.5 && !fields.read("l", l) &&
              l.size() == 2,
          "read");
    CHECK(fields.read("big", small).text() == "argument 'big' must be an integer in range" && small == 7,
          "unchanged");
    CHECK(fields.read("neg", small).code() == JF_E_INVALID, "unsigned");
    CHECK(fields.read("m", l).text() == "argument 'm' must be an array of items of one type" && l.size() == 2,
          "mixed");
    CHECK(fields.read("i", i, 6, 9).text() == "argument 'i' must be an integer from 6 to 9", "%s",
          fields.read("i", i, 6, 9).what());
    CHECK(fields.read("s", i, 6, 9).text() == "argument 's' must be an integer from 6 to 9", "another type");
    CHECK(fields.read("z", i, 6, 9).text() == "argument 'z' is missing", "missing");
    CHECK(!fields.read_if("z", small) && !fields.read_if("n", small) && small == 7, "may be missing or null");
    CHECK(fields.read("n", s).text() == "argument 'n' must be a string", "null where a value must be");
    CHECK((fields.read("s", b).flags() & JF_FAULT_PUBLIC) != 0, "clients read it");
}

TEST(schemas_and_lists) {
    Tool tool = Tool("t", "d").title("T").read_only().open_world(false).input(
        Schema().text("a", "A.").integer("b").range(1, 9).otherwise(3).choice("c", {"x", "y"}).maybe());
    CHECK(
        tool.node().text() ==
            R"({"name":"t","description":"d","title":"T","inputSchema":{"type":"object","properties":{)"
            R"("a":{"type":"string","description":"A."},"b":{"type":"integer","minimum":1,"maximum":9,"default":3},)"
            R"("c":{"type":"string","enum":["x","y"]}},"required":["a"]},)"
            R"("annotations":{"readOnlyHint":true,"openWorldHint":false}})",
        "%s", tool.node().text().c_str());
    CHECK(Tool("t", "d").node().text() == R"({"name":"t","description":"d","inputSchema":{"type":"object"}})",
          "bare");
}

TEST(results) {
    CHECK(base64("") == "" && base64("f") == "Zg==" && base64("fo") == "Zm8=" &&
              base64("foobar") == "Zm9vYmFy",
          "base64");
    ToolResult result = ToolResult::text("hi").add(Content::image("\x01", "image/png"));
    CHECK(result.encode() == R"({"resultType":"complete","content":[{"type":"text","text":"hi"},)"
                             R"({"type":"image","data":"AQ==","mimeType":"image/png"}]})",
          "%s", result.encode().c_str());
    std::string many = Completion{std::vector<std::string>(101, "v")}.encode();
    Value completion = Value::parse(many)["completion"];
    CHECK(completion["values"].size() == 100 && completion["total"].integer() == 101, "%s", many.c_str());
    CHECK(completion["hasMore"].boolean() == true, "%s", many.c_str());
    for (const std::string &text : {PromptResult::text("x").encode(),
                                    ResourceResult{{ResourceContents::text("a:b", "c")}, 5, true}.encode()})
        CHECK(Value::parse(text)["resultType"].text() == "complete", "%s", text.c_str());
}

/* A fault may be absent, shorter than ours, and is cut between characters. */
TEST(faults_fit) {
    std::string text;
    while (text.size() < 400)
        text += "\xE2\x82\xAC";
    jf_fault why{};
    why.size = sizeof why;
    CHECK(detail::explain(&why, Error::invalid(text)) == JF_E_INVALID && why.text_len == 234, "%u",
          why.text_len);
    CHECK(why.flags == JF_FAULT_PUBLIC && why.code == JF_E_INVALID, "filled in");
    std::memset(&why, 0x55, sizeof why);
    why.size = 24;
    detail::explain(&why, JF_E_FAULT, "abcdefgh");
    CHECK(why.text_len == 4 && why.text[3] == 'd' && why.text[4] == 0x55, "%u", why.text_len);
    CHECK(detail::explain(nullptr, JF_E_BUSY, "x") == JF_E_BUSY, "no fault");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
