// SPDX-License-Identifier: Apache-2.0
// C++ SDK: reading JSON (RFC 8259) without a copy or a library: a Value is a piece of somebody's text.
#ifndef JACKFIELD_JSON_HPP
#define JACKFIELD_JSON_HPP

#include <jackfield/json_scan.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace jackfield {
namespace json {

enum class Kind { absent, null, boolean, number, string, array, object };

struct Member;

/** One JSON value inside a text that must outlive it: what a slot is given ends with the slot. Lookups scan
 * the text; nothing is allocated but what a string is decoded into. Absent values may be asked anything. */
class Value {
  public:
    Value() noexcept = default;

    /** A text that came from the host, which has checked it: `config`, `arguments`, `params`. Broken text is
     * safe to read as well, but what it says is then unspecified. */
    static Value trusted(std::string_view text) noexcept {
        size_t from = scan::space(text, 0), to = scan::skip(text, from);
        return to == scan::none ? Value() : Value(text.substr(from, to - from));
    }
    /** Any text: absent unless it is exactly one valid JSON text, in UTF-8, at most 128 levels deep. */
    static Value parse(std::string_view text) noexcept {
        size_t from = scan::space(text, 0), to = scan::check(text, from, 0);
        if (to == scan::none || scan::space(text, to) != text.size()) return Value();
        return Value(text.substr(from, to - from));
    }

    Kind kind() const noexcept {
        switch (raw_.empty() ? '\0' : raw_.front()) {
        case '\0':
            return Kind::absent;
        case 'n':
            return Kind::null;
        case 't':
        case 'f':
            return Kind::boolean;
        case '"':
            return Kind::string;
        case '[':
            return Kind::array;
        case '{':
            return Kind::object;
        default:
            return Kind::number;
        }
    }
    explicit operator bool() const noexcept { return !raw_.empty(); }
    bool is_null() const noexcept { return kind() == Kind::null; }
    bool is_object() const noexcept { return kind() == Kind::object; }
    bool is_array() const noexcept { return kind() == Kind::array; }
    /** The text itself. */
    std::string_view raw() const noexcept { return raw_; }

    /** A member of an object, the first of that name; absent when there is none. */
    Value operator[](std::string_view key) const;
    Value operator[](const char *key) const { return (*this)[std::string_view(key)]; }
    /** An item of an array, from 0. */
    Value operator[](size_t index) const noexcept;
    /** Members or items. */
    size_t size() const noexcept;

    std::optional<bool> boolean() const noexcept {
        if (raw_ == "true") return true;
        if (raw_ == "false") return false;
        return std::nullopt;
    }
    /** A whole number in range; 5.0 and 5e0 are whole too, as far as a double is exact. */
    std::optional<int64_t> integer() const noexcept;
    std::optional<double> number() const noexcept;
    /** A string, decoded; a lone surrogate becomes U+FFFD. */
    std::optional<std::string> text() const {
        if (kind() != Kind::string) return std::nullopt;
        return scan::decode(raw_.substr(1, raw_.size() - 2));
    }

    /** Range over the items of an array: `for (json::Value item : value.items())`. */
    class Items;
    Items items() const noexcept;
    /** Range over the members of an object: `for (const json::Member &member : value.members())`. */
    class Members;
    Members members() const noexcept;

  private:
    explicit Value(std::string_view raw) noexcept : raw_(raw) {}
    friend class Walk;
    std::string_view raw_;
};

/** A member of an object. */
struct Member {
    /** Without its quotes, escapes kept. */
    std::string_view raw_key;
    Value value;

    std::string key() const { return scan::decode(raw_key); }
    bool is(std::string_view name) const {
        return raw_key.find('\\') == std::string_view::npos ? raw_key == name : key() == name;
    }
};

/** An iterator over a container; ends early where the text is broken. */
class Walk {
  public:
    Walk() noexcept = default;
    Walk(std::string_view container, char open) noexcept : text_(container), keyed_(open == '{') {
        if (container.size() >= 2 && container.front() == open) {
            at_ = 1;
            advance();
        }
    }
    void advance() noexcept {
        at_ = scan::space(text_, at_);
        if (at_ < text_.size() && text_[at_] == ',') at_ = scan::space(text_, at_ + 1);
        if (keyed_) {
            size_t end = at_ < text_.size() && text_[at_] == '"' ? scan::skip(text_, at_) : scan::none;
            if (end == scan::none) return stop();
            now_.raw_key = text_.substr(at_ + 1, end - at_ - 2);
            at_ = scan::space(text_, end);
            if (at_ >= text_.size() || text_[at_] != ':') return stop();
            at_ = scan::space(text_, at_ + 1);
        }
        size_t end = scan::skip(text_, at_);
        if (end == scan::none) return stop();
        now_.value = Value(text_.substr(at_, end - at_));
        at_ = end;
    }
    bool operator!=(const Walk &other) const noexcept { return at_ != other.at_; }
    const Member &member() const noexcept { return now_; }

  private:
    void stop() noexcept { at_ = scan::none; }
    std::string_view text_;
    size_t at_ = scan::none;
    bool keyed_ = false;
    Member now_;
};

class Value::Items {
  public:
    struct Iterator : Walk {
        using Walk::Walk;
        Value operator*() const noexcept { return member().value; }
        Iterator &operator++() noexcept { return advance(), *this; }
    };
    explicit Items(std::string_view raw) noexcept : raw_(raw) {}
    Iterator begin() const noexcept { return Iterator(raw_, '['); }
    Iterator end() const noexcept { return Iterator(); }

  private:
    std::string_view raw_;
};

class Value::Members {
  public:
    struct Iterator : Walk {
        using Walk::Walk;
        const Member &operator*() const noexcept { return member(); }
        Iterator &operator++() noexcept { return advance(), *this; }
    };
    explicit Members(std::string_view raw) noexcept : raw_(raw) {}
    Iterator begin() const noexcept { return Iterator(raw_, '{'); }
    Iterator end() const noexcept { return Iterator(); }

  private:
    std::string_view raw_;
};

inline Value::Items Value::items() const noexcept {
    return Items(raw_);
}
inline Value::Members Value::members() const noexcept {
    return Members(raw_);
}

inline Value Value::operator[](std::string_view key) const {
    for (const Member &member : members())
        if (member.is(key)) return member.value;
    return Value();
}

inline Value Value::operator[](size_t index) const noexcept {
    for (Value item : items())
        if (index-- == 0) return item;
    return Value();
}

inline size_t Value::size() const noexcept {
    size_t count = 0;
    for (Walk walk(raw_, is_object() ? '{' : '['); walk != Walk(); walk.advance())
        count++;
    return count;
}

inline std::optional<double> Value::number() const noexcept {
    if (raw_.empty() || scan::number(raw_, 0) != raw_.size()) return std::nullopt;
    return scan::real(raw_);
}

inline std::optional<int64_t> Value::integer() const noexcept {
    if (raw_.empty() || scan::number(raw_, 0) != raw_.size()) return std::nullopt;
    if (raw_.find_first_of(".eE") == std::string_view::npos) {
        int64_t whole = 0;
        auto [end, error] = std::from_chars(raw_.data(), raw_.data() + raw_.size(), whole);
        return error == std::errc() && end == raw_.data() + raw_.size() ? std::optional<int64_t>(whole)
                                                                        : std::nullopt;
    }
    std::optional<double> real = scan::real(raw_);
    if (!real || *real != std::floor(*real) || std::fabs(*real) > 9007199254740992.0) return std::nullopt;
    return static_cast<int64_t>(*real);
}

/** A JSON text of one's own: the text and its value, which stays valid as long as the document. */
class Document {
  public:
    Document() = default;
    explicit Document(std::string text) : text_(std::move(text)) {}
    /** Absent unless the whole text is valid JSON. */
    Value root() const noexcept { return Value::parse(text_); }
    Value operator[](std::string_view key) const { return root()[key]; }
    const std::string &text() const noexcept { return text_; }

  private:
    std::string text_;
};

} // namespace json
} // namespace jackfield

#include <jackfield/json_write.hpp>

#endif
