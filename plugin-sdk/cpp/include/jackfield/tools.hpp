// SPDX-License-Identifier: Apache-2.0
// C++ SDK: what a toolset lists: tools with their schemas, resources, templates, prompts.
#ifndef JACKFIELD_TOOLS_HPP
#define JACKFIELD_TOOLS_HPP

#include <jackfield/json.hpp>

#include <vector>

namespace jackfield {

/** A JSON Schema of an object, field by field: `Schema().text("title", "Its title.").integer("most").range(1,
 * 200) .otherwise(80)`. Fields are required unless they have an `otherwise` or are `maybe`. */
class Schema {
  public:
    Schema &&text(std::string_view name, std::string_view description = {}) && {
        return add(name, "string", description);
    }
    Schema &&integer(std::string_view name, std::string_view description = {}) && {
        return add(name, "integer", description);
    }
    Schema &&number(std::string_view name, std::string_view description = {}) && {
        return add(name, "number", description);
    }
    Schema &&boolean(std::string_view name, std::string_view description = {}) && {
        return add(name, "boolean", description);
    }
    /** An array; `items` is the schema of one item. */
    Schema &&list(std::string_view name, json::Node items, std::string_view description = {}) && {
        return add(name, "array", description).with("items", std::move(items));
    }
    /** One of some strings. */
    Schema &&choice(std::string_view name, std::initializer_list<std::string_view> values,
                    std::string_view description = {}) && {
        return add(name, "string", description).with("enum", json::list(values));
    }
    /** Any schema written as JSON. */
    Schema &&field(std::string_view name, json::Node schema) && {
        fields_.push_back({std::string(name), {}, std::move(schema), true});
        return std::move(*this);
    }

    /** Of the last field: bounds, a default, further keywords, that it may be missing. */
    template <class Number> Schema &&range(Number low, Number high) && {
        return with("minimum", low).with("maximum", high);
    }
    Schema &&otherwise(json::Node value) && {
        fields_.back().required = false;
        return with("default", std::move(value));
    }
    Schema &&maybe() && {
        fields_.back().required = false;
        return std::move(*this);
    }
    Schema &&keyword(std::string_view name, json::Node value) && { return with(name, std::move(value)); }

    json::Node node() const {
        json::Writer writer;
        writer.begin_object().member("type", "object").key("properties").begin_object();
        std::vector<std::string> required;
        for (const One &field : fields_) {
            if (field.required) required.push_back(field.name);
            writer.key(field.name);
            if (field.keywords.empty()) {
                writer.value(field.whole);
                continue;
            }
            writer.begin_object();
            for (const auto &keyword : field.keywords)
                writer.member(keyword.first, keyword.second);
            writer.end_object();
        }
        writer.end_object();
        if (!required.empty()) writer.member("required", json::list(required));
        return json::Node::raw(writer.end_object().take());
    }

  private:
    struct One {
        std::string name;
        std::vector<std::pair<std::string, json::Node>> keywords;
        json::Node whole;
        bool required;
    };
    Schema &&add(std::string_view name, const char *type, std::string_view description) {
        fields_.push_back({std::string(name), {{"type", type}}, {}, true});
        if (!description.empty()) return with("description", description);
        return std::move(*this);
    }
    Schema &&with(std::string_view keyword, json::Node value) {
        fields_.back().keywords.emplace_back(std::string(keyword), std::move(value));
        return std::move(*this);
    }
    std::vector<One> fields_;
};

namespace detail {

/** Something that is listed: members, then more members. */
template <class Self> class Listed {
  public:
    Self &&title(std::string_view title) && { return with("title", title); }
    /** A further member as MCP spells it: "icons", "_meta". */
    Self &&with(std::string_view name, json::Node value) {
        members_.emplace_back(std::string(name), std::move(value));
        return static_cast<Self &&>(*this);
    }
    json::Node node() const {
        json::Writer writer;
        writer.begin_object();
        for (const auto &member : members_)
            writer.member(member.first, member.second);
        return json::Node::raw(writer.end_object().take());
    }

  private:
    std::vector<std::pair<std::string, json::Node>> members_;
};

} // namespace detail

/** A tool. Without `input` it takes an object of anything. */
class Tool : public detail::Listed<Tool> {
  public:
    Tool(std::string_view name, std::string_view description) {
        with("name", name).with("description", description);
    }
    Tool &&input(const Schema &schema) && {
        has_input_ = true;
        return with("inputSchema", schema.node());
    }
    /** Describes the structured result. */
    Tool &&output(const Schema &schema) && { return with("outputSchema", schema.node()); }
    /** Hints for clients, see ToolAnnotations. */
    Tool &&read_only() && { return hint("readOnlyHint", true); }
    Tool &&destructive(bool is = true) && { return hint("destructiveHint", is); }
    Tool &&idempotent() && { return hint("idempotentHint", true); }
    Tool &&open_world(bool is = true) && { return hint("openWorldHint", is); }

    json::Node node() const {
        Tool whole = *this;
        if (!has_input_) whole.with("inputSchema", json::object({{"type", "object"}}));
        if (!hints_.text().empty()) whole.with("annotations", json::Node::raw("{" + hints_.text() + "}"));
        return whole.Listed::node();
    }

  private:
    Tool &&hint(const char *name, bool is) {
        std::string text = hints_.text().empty() ? "" : hints_.text() + ",";
        hints_ = json::Node::raw(text + json::quoted(name) + (is ? ":true" : ":false"));
        return std::move(*this);
    }
    json::Node hints_ = json::Node::raw("");
    bool has_input_ = false;
};

class Resource : public detail::Listed<Resource> {
  public:
    Resource(std::string_view uri, std::string_view name) { with("uri", uri).with("name", name); }
    Resource &&description(std::string_view text) && { return with("description", text); }
    Resource &&mime(std::string_view type) && { return with("mimeType", type); }
};

class ResourceTemplate : public detail::Listed<ResourceTemplate> {
  public:
    ResourceTemplate(std::string_view uri_template, std::string_view name) {
        with("uriTemplate", uri_template).with("name", name);
    }
    ResourceTemplate &&description(std::string_view text) && { return with("description", text); }
    ResourceTemplate &&mime(std::string_view type) && { return with("mimeType", type); }
};

class Prompt : public detail::Listed<Prompt> {
  public:
    struct Argument {
        std::string_view name, description;
        bool required;
    };
    Prompt(std::string_view name, std::string_view description,
           std::initializer_list<Argument> arguments = {}) {
        std::vector<json::Node> nodes;
        for (const Argument &one : arguments)
            nodes.push_back(json::object(
                {{"name", one.name}, {"description", one.description}, {"required", one.required}}));
        with("name", name).with("description", description).with("arguments", json::list(nodes));
    }
};

} // namespace jackfield

#endif
