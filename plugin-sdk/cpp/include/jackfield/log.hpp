// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the services jf.log/1 and jf.clock/1.
#ifndef JACKFIELD_LOG_HPP
#define JACKFIELD_LOG_HPP

#include <jackfield/clock.h>
#include <jackfield/host.hpp>

#include <initializer_list>

namespace jackfield {

/** A field of a log record. */
struct Field {
    Field(std::string_view its_name, std::string its_value) : name(its_name), value(std::move(its_value)) {}
    Field(std::string_view its_name, const char *its_value) : name(its_name), value(its_value) {}
    Field(std::string_view its_name, std::string_view its_value) : name(its_name), value(its_value) {}
    template <class Number, class = std::enable_if_t<std::is_arithmetic_v<Number>>>
    Field(std::string_view its_name, Number number) : name(its_name), value(std::to_string(number)) {}

    std::string_view name;
    std::string value;
};

enum class Level : uint32_t {
    trace = JF_LOG_TRACE,
    debug = JF_LOG_DEBUG,
    info = JF_LOG_INFO,
    warning = JF_LOG_WARNING,
    error = JF_LOG_ERROR
};

/** jf.log/1. Silent where the host has none. All methods [any], until `stop` returns. */
class Log {
  public:
    explicit Log(Host &host, Need need = Need::optional) : table_(host.service<jf_log_1>(JF_LOG_1, need)) {
        host.life()->log = table_;
    }

    /** Writes one record: one sentence and its fields. Never blocks. */
    void write(Level level, std::string_view sentence, std::initializer_list<Field> fields = {}) const {
        if (table_.write == nullptr) return;
        constexpr size_t most = 16; /* on the stack: a record that has more is cut */
        jf_pair pairs[most];
        uint64_t count = 0;
        for (const Field &field : fields) {
            if (count == most) break;
            pairs[count++] = {view(field.name), view(field.value)};
        }
        table_.write(table_.context, static_cast<uint32_t>(level), view(sentence), pairs, count);
    }
    void debug(std::string_view sentence, std::initializer_list<Field> fields = {}) const {
        write(Level::debug, sentence, fields);
    }
    void info(std::string_view sentence, std::initializer_list<Field> fields = {}) const {
        write(Level::info, sentence, fields);
    }
    void warning(std::string_view sentence, std::initializer_list<Field> fields = {}) const {
        write(Level::warning, sentence, fields);
    }
    void error(std::string_view sentence, std::initializer_list<Field> fields = {}) const {
        write(Level::error, sentence, fields);
    }
    /** Whether a level is written at all: ask before building an expensive record. */
    bool enabled(Level level) const {
        return table_.enabled != nullptr && table_.enabled(table_.context, static_cast<uint32_t>(level)) != 0;
    }

  private:
    jf_log_1 table_;
};

/** jf.clock/1. All methods [any]. */
class Clock {
  public:
    explicit Clock(Host &host, Need need = Need::required)
        : table_(host.service<jf_clock_1>(JF_CLOCK_1, need)) {}

    /** Monotonic nanoseconds: the base of every deadline. 0 without the service. */
    uint64_t monotonic_ns() const {
        return table_.monotonic_ns != nullptr ? table_.monotonic_ns(table_.context) : 0;
    }
    /** Unix time in nanoseconds, for showing and storing. 0 without the service. */
    uint64_t wall_ns() const { return table_.wall_ns != nullptr ? table_.wall_ns(table_.context) : 0; }

  private:
    jf_clock_1 table_;
};

} // namespace jackfield

#endif
