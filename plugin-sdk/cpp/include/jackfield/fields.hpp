// SPDX-License-Identifier: Apache-2.0
// C++ SDK: Fields, the members of a JSON object read with checks: a tool's arguments, a configuration.
#ifndef JACKFIELD_FIELDS_HPP
#define JACKFIELD_FIELDS_HPP

#include <jackfield/json.hpp>

#include <vector>

namespace jackfield {

/** Reads members of an object into C++ values. A mistake is an Error that names the member and says what it
 * must be; the client reads it. Types: std::string, bool, integers, double, float, json::Value, std::vector
 * of these. */
class Fields {
  public:
    /** `noun` is what a member is called in errors: "argument", "setting". */
    explicit Fields(json::Value object, const char *noun = "argument") : object_(object), noun_(noun) {}

    /** Reads a member that must be there. */
    template <class T> Error read(std::string_view name, T &out) const {
        json::Value value = object_[name];
        if (!value) return Error::invalid(label(name) + " is missing");
        return convert(name, value, out);
    }
    /** Reads a member that may be missing or null: then `out` stays as it is. */
    template <class T> Error read_if(std::string_view name, T &out) const {
        json::Value value = object_[name];
        return !value || value.is_null() ? Error() : convert(name, value, out);
    }
    /** The same for numbers within bounds. */
    template <class T> Error read(std::string_view name, T &out, T low, T high) const {
        Error error = read(name, out);
        return error ? ranged(name, error, low, high) : bounded(name, out, low, high);
    }
    template <class T> Error read_if(std::string_view name, T &out, T low, T high) const {
        Error error = read_if(name, out);
        return error ? ranged(name, error, low, high) : bounded(name, out, low, high);
    }

#if JACKFIELD_EXCEPTIONS
    /** The same, throwing: `auto text = arguments.get<std::string>("text");` */
    template <class T> T get(std::string_view name) const {
        T out{};
        if (Error error = read(name, out)) throw error;
        return out;
    }
    template <class T> T get(std::string_view name, T low, T high) const {
        T out{};
        if (Error error = read(name, out, low, high)) throw error;
        return out;
    }
    template <class T> T get_or(std::string_view name, T fallback) const {
        if (Error error = read_if(name, fallback)) throw error;
        return fallback;
    }
    template <class T> T get_or(std::string_view name, T fallback, T low, T high) const {
        if (Error error = read_if(name, fallback, low, high)) throw error;
        return fallback;
    }
#endif

    json::Value operator[](std::string_view name) const {
        return object_[name];
    }
    json::Value object() const noexcept {
        return object_;
    }

  private:
    template <class T> struct is_vector : std::false_type {};
    template <class T> struct is_vector<std::vector<T>> : std::true_type {};

    std::string label(std::string_view name) const {
        return noun_ + (" '" + std::string(name)) + "'";
    }
    Error must(std::string_view name, const char *what) const {
        return Error::invalid(label(name) + " must be " + what);
    }

    template <class T> Error convert(std::string_view name, json::Value value, T &out) const {
        if constexpr (std::is_same_v<T, json::Value>) {
            out = value;
        } else if constexpr (std::is_same_v<T, std::string>) {
            std::optional<std::string> text = value.text();
            if (!text) return must(name, "a string");
            out = std::move(*text);
        } else if constexpr (std::is_same_v<T, bool>) {
            std::optional<bool> truth = value.boolean();
            if (!truth) return must(name, "true or false");
            out = *truth;
        } else if constexpr (std::is_integral_v<T>) {
            std::optional<int64_t> whole = value.integer();
            if (!whole || !fits<T>(*whole)) return must(name, "an integer in range");
            out = static_cast<T>(*whole);
        } else if constexpr (std::is_floating_point_v<T>) {
            std::optional<double> number = value.number();
            if (!number) return must(name, "a number");
            out = static_cast<T>(*number);
        } else {
            static_assert(is_vector<T>::value,
                          "Fields reads strings, numbers, truth values, Values and vectors of them");
            if (!value.is_array()) return must(name, "an array");
            T items;
            for (json::Value item : value.items()) {
                typename T::value_type one{};
                if (Error error = convert(name, item, one))
                    return must(name, "an array of items of one type");
                items.push_back(std::move(one));
            }
            out = std::move(items);
        }
        return {};
    }
    template <class T> static bool fits(int64_t whole) noexcept {
        if constexpr (std::is_unsigned_v<T>)
            return whole >= 0 && static_cast<uint64_t>(whole) <= std::numeric_limits<T>::max();
        else
            return whole >= std::numeric_limits<T>::min() && whole <= std::numeric_limits<T>::max();
    }
    template <class T> Error ranged(std::string_view name, const Error &error, T low, T high) const {
        return object_[name] ? beyond(name, low, high) : error;
    }
    template <class T> Error bounded(std::string_view name, const T &value, T low, T high) const {
        return value >= low && value <= high ? Error() : beyond(name, low, high);
    }
    template <class T> Error beyond(std::string_view name, T low, T high) const {
        static_assert(std::is_arithmetic_v<T>, "only numbers have bounds");
        std::string kind = std::is_integral_v<T> ? "an integer from " : "a number from ";
        return must(name, (kind + json::Node(low).text() + " to " + json::Node(high).text()).c_str());
    }

    json::Value object_;
    const char *noun_;
};

} // namespace jackfield

#endif
