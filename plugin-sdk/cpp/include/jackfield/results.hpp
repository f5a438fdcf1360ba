// SPDX-License-Identifier: Apache-2.0
// C++ SDK: what requests are answered with; for toolsets in the shapes of MCP 2026-07-28.
#ifndef JACKFIELD_RESULTS_HPP
#define JACKFIELD_RESULTS_HPP

#include <jackfield/json.hpp>

#include <vector>

namespace jackfield {

/** RFC 4648 section 4, with padding. */
inline std::string base64(std::string_view bytes) {
    static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t at = 0; at < bytes.size(); at += 3) {
        size_t left = std::min<size_t>(bytes.size() - at, 3);
        uint32_t three = 0;
        for (size_t i = 0; i < 3; i++)
            three = three << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        for (size_t i = 0; i < 4; i++)
            out.push_back(i <= left ? letters[three >> (18 - 6 * i) & 63] : '=');
    }
    return out;
}

/** The contents of one resource. */
struct ResourceContents {
    static ResourceContents text(std::string_view uri, std::string_view text,
                                 std::string_view mime = "text/plain") {
        return {json::object({{"uri", uri}, {"mimeType", mime}, {"text", text}})};
    }
    static ResourceContents blob(std::string_view uri, std::string_view bytes,
                                 std::string_view mime = "application/octet-stream") {
        return {json::object({{"uri", uri}, {"mimeType", mime}, {"blob", base64(bytes)}})};
    }
    json::Node node;
};

/** A part of a tool's result, or the content of a prompt's message. */
struct Content {
    static Content text(std::string_view text) { return {json::object({{"type", "text"}, {"text", text}})}; }
    static Content image(std::string_view bytes, std::string_view mime) {
        return {json::object({{"type", "image"}, {"data", base64(bytes)}, {"mimeType", mime}})};
    }
    static Content audio(std::string_view bytes, std::string_view mime) {
        return {json::object({{"type", "audio"}, {"data", base64(bytes)}, {"mimeType", mime}})};
    }
    static Content resource(const ResourceContents &contents) {
        return {json::object({{"type", "resource"}, {"resource", contents.node}})};
    }
    static Content link(std::string_view uri, std::string_view name) {
        return {json::object({{"type", "resource_link"}, {"uri", uri}, {"name", name}})};
    }
    json::Node node;
};

/** The answer to tools/call. */
class ToolResult {
  public:
    static ToolResult text(std::string_view words) { return ToolResult().add(Content::text(words)); }
    /** Data that fits the tool's output schema, with a text for clients that read no data (the data itself
     * when it is absent). */
    static ToolResult structured(json::Node data, std::string_view words = {}) {
        ToolResult result = text(words.data() != nullptr ? words : std::string_view(data.text()));
        result.data_ = std::move(data);
        result.has_data_ = true;
        return result;
    }
    /** The tool failed at its job; the model reads why and may try again. */
    static ToolResult failure(std::string_view words) {
        ToolResult result = text(words);
        result.failed_ = true;
        return result;
    }
    ToolResult &&add(Content part) && {
        parts_.push_back(std::move(part.node));
        return std::move(*this);
    }
    ToolResult &add(Content part) & {
        parts_.push_back(std::move(part.node));
        return *this;
    }

    std::string encode() const {
        json::Writer writer;
        writer.begin_object().member("resultType", "complete").member("content", json::list(parts_));
        if (has_data_) writer.member("structuredContent", data_);
        if (failed_) writer.member("isError", true);
        return writer.end_object().take();
    }

  private:
    std::vector<json::Node> parts_;
    json::Node data_;
    bool has_data_ = false;
    bool failed_ = false;
};

/** Thrown from deep inside a tool: becomes ToolResult::failure. */
class ToolFailure : public std::exception {
  public:
    explicit ToolFailure(std::string text) : text_(std::move(text)) {}
    const char *what() const noexcept override { return text_.c_str(); }

  private:
    std::string text_;
};

/** The answer to resources/read. */
struct ResourceResult {
    std::vector<ResourceContents> contents;
    /** How long a client may keep it, in milliseconds. */
    uint64_t ttl_ms = 0;
    /** Whether users may share it. */
    bool is_public = false;

    std::string encode() const {
        std::vector<json::Node> nodes;
        for (const ResourceContents &one : contents)
            nodes.push_back(one.node);
        return json::object({{"resultType", "complete"},
                             {"contents", json::list(nodes)},
                             {"ttlMs", ttl_ms},
                             {"cacheScope", is_public ? "public" : "private"}})
            .text();
    }
};

/** The answer to prompts/get. */
struct PromptResult {
    struct Message {
        const char *role; /* "user" or "assistant" */
        Content content;
    };
    std::vector<Message> messages;
    std::string description;

    static PromptResult text(std::string_view words) { return {{{"user", Content::text(words)}}, {}}; }
    std::string encode() const {
        std::vector<json::Node> nodes;
        for (const Message &one : messages)
            nodes.push_back(json::object({{"role", one.role}, {"content", one.content.node}}));
        json::Writer writer;
        writer.begin_object().member("resultType", "complete");
        if (!description.empty()) writer.member("description", description);
        return writer.member("messages", json::list(nodes)).end_object().take();
    }
};

/** The answer to completion/complete: MCP allows a hundred values. */
struct Completion {
    std::vector<std::string> values;

    std::string encode() const {
        std::vector<std::string> shown(values.begin(), values.end());
        if (shown.size() > 100) shown.resize(100);
        return json::object({{"resultType", "complete"},
                             {"completion", json::object({{"values", json::list(shown)},
                                                          {"total", values.size()},
                                                          {"hasMore", values.size() > shown.size()}})}})
            .text();
    }
};

/** How a request is answered: a result, an Error, or "later". */
class Answer {
  public:
    Answer(const ToolResult &result) : Answer(Blob(result.encode())) {}
    Answer(const ResourceResult &result) : Answer(Blob(result.encode())) {}
    Answer(const PromptResult &result) : Answer(Blob(result.encode())) {}
    Answer(const Completion &result) : Answer(Blob(result.encode())) {}
    Answer(Error error) : error_(std::move(error)) {
        if (!error_) error_ = Error::fault("the plugin answered with an error that is none");
    }
    /** A result object that was made elsewhere; not checked. */
    static Answer raw(std::string text) { return Answer(Blob(std::move(text))); }
    /** The same as bytes; `secret`: wiped in the end. */
    static Answer raw(std::vector<char> bytes, bool secret = false) {
        return Answer(Blob(std::move(bytes), secret));
    }
    /** Nothing is there, and that is a normal answer; what it means is the facet's to say. */
    static Answer absent() {
        Answer answer{Blob()};
        answer.status_ = JF_ABSENT;
        return answer;
    }
    /** Done, with nothing to say. */
    static Answer done() { return Answer{Blob()}; }
    /** A Pending was taken from the request and will answer. */
    static Answer later() {
        Answer answer{Blob()};
        answer.later_ = true;
        return answer;
    }

    bool is_later() const noexcept { return later_; }
    bool is_error() const noexcept { return static_cast<bool>(error_); }
    const Error &error() const noexcept { return error_; }
    /** JF_OK or JF_ABSENT, where it is neither an error nor later. */
    int32_t status() const noexcept { return status_; }
    Blob take() noexcept { return std::move(blob_); }

  private:
    explicit Answer(Blob blob) : blob_(std::move(blob)) {}
    Blob blob_;
    Error error_;
    int32_t status_ = JF_OK;
    bool later_ = false;
};

} // namespace jackfield

#endif
