// SPDX-License-Identifier: Apache-2.0
// C++ SDK: writing JSON: Node for small texts in one expression, Writer for large ones piece by piece.
#ifndef JACKFIELD_JSON_WRITE_HPP
#define JACKFIELD_JSON_WRITE_HPP

#include <jackfield/json.hpp>

#include <initializer_list>

namespace jackfield {
namespace json {

/** Appends a text as a JSON string. What is not UTF-8 becomes U+FFFD. */
inline void quote(std::string &out, std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    out.push_back('"');
    for (size_t at = 0; at < text.size();) {
        unsigned char c = static_cast<unsigned char>(text[at]);
        size_t length = scan::character(text, at);
        if (length == 0) {
            out.append("\xEF\xBF\xBD");
            at++;
            continue;
        }
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(text[at]);
        } else if (c == '\n' || c == '\t' || c == '\r') {
            out.push_back('\\');
            out.push_back(c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        } else if (c < 0x20) {
            out.append("\\u00");
            out.push_back(hex[c >> 4]);
            out.push_back(hex[c & 15]);
        } else {
            out.append(text.substr(at, length));
        }
        at += length;
    }
    out.push_back('"');
}

inline std::string quoted(std::string_view text) {
    std::string out;
    quote(out, text);
    return out;
}

/** A finished JSON text, made from a C++ value: `json::object({{"words", 3}, {"text", name}})`. */
class Node {
  public:
    Node() : text_("null") {}
    Node(std::nullptr_t) : Node() {}
    Node(std::string_view text) : text_(quoted(text)) {}
    Node(const std::string &text) : text_(quoted(text)) {}
    Node(const char *text) : text_(quoted(text)) {}
    /** A value that was read, as it is spelt; an absent one is null. */
    Node(Value value) : text_(value ? std::string(value.raw()) : "null") {}
    /** NaN and infinities, which JSON has not, become null. */
    template <class Number, class = std::enable_if_t<std::is_arithmetic_v<Number>>> Node(Number number) {
        if constexpr (std::is_same_v<Number, bool>)
            text_ = number ? "true" : "false";
        else if constexpr (std::is_floating_point_v<Number>)
            text_ = std::isfinite(number) ? scan::spell(static_cast<double>(number)) : "null";
        else
            text_ = std::to_string(number);
    }
    /** A JSON text that was made elsewhere; not checked. */
    static Node raw(std::string text) {
        Node node;
        node.text_ = std::move(text);
        return node;
    }

    const std::string &text() const &noexcept { return text_; }
    std::string text() &&noexcept { return std::move(text_); }

  private:
    std::string text_;
};

/** Writes one JSON text, commas and escapes included. */
class Writer {
  public:
    Writer &begin_object() { return open('{'); }
    Writer &end_object() { return close('}'); }
    Writer &begin_array() { return open('['); }
    Writer &end_array() { return close(']'); }
    Writer &key(std::string_view name) {
        comma();
        quote(out_, name);
        out_.push_back(':');
        after_value_ = false;
        return *this;
    }
    Writer &value(const Node &node) { return raw(node.text()); }
    /** A finished JSON text; not checked. */
    Writer &raw(std::string_view json) {
        comma();
        out_.append(json);
        after_value_ = true;
        return *this;
    }
    Writer &member(std::string_view name, const Node &node) { return key(name).value(node); }

    const std::string &text() const noexcept { return out_; }
    std::string take() {
        after_value_ = false;
        return std::exchange(out_, std::string());
    }

  private:
    Writer &open(char bracket) {
        comma();
        out_.push_back(bracket);
        after_value_ = false;
        return *this;
    }
    Writer &close(char bracket) {
        out_.push_back(bracket);
        after_value_ = true;
        return *this;
    }
    void comma() {
        if (after_value_) out_.push_back(',');
    }
    std::string out_;
    bool after_value_ = false;
};

inline Node object(std::initializer_list<std::pair<std::string_view, Node>> members) {
    Writer writer;
    writer.begin_object();
    for (const auto &member : members)
        writer.member(member.first, member.second);
    return Node::raw(writer.end_object().take());
}

inline Node array(std::initializer_list<Node> items) {
    Writer writer;
    writer.begin_array();
    for (const Node &item : items)
        writer.value(item);
    return Node::raw(writer.end_array().take());
}

/** Any range of things that a Node can be made from. */
template <class Range> Node list(const Range &items) {
    Writer writer;
    writer.begin_array();
    for (const auto &item : items)
        writer.value(Node(item));
    return Node::raw(writer.end_array().take());
}

} // namespace json
} // namespace jackfield

#endif
