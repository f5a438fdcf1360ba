// SPDX-License-Identifier: Apache-2.0
// A provider of identities: a list of people, each with a secret that the client shows as a bearer token.
#include <jackfield/plugin.hpp>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Knows people by bearer tokens from a list",
  "facets": ["jf.auth/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "auth": {
    "provider": "PLUGIN_NAME",
    "fields": ["authorization"],
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["people"],
      "properties": {
        "people": {
          "type": "array",
          "minItems": 1,
          "maxItems": 1000,
          "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["subject", "token"],
            "properties": {
              "subject": { "type": "string", "minLength": 1, "description": "Who it is" },
              "token": {
                "type": "string",
                "minLength": 16,
                "maxLength": 1000,
                "description": "What it shows: write ${env:NAME} or ${file:PATH}, not the token itself"
              },
              "roles": {
                "type": "array",
                "items": { "type": "string" },
                "default": [],
                "description": "What it may be taken for by policies"
              }
            }
          }
        }
      }
    }
  }
})json");

using namespace jackfield;

class Members;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct MembersPlugin : Plugin {
    using Auth = Members;
    using Plugin::Plugin;
};

/** One configured provider. */
class Members {
  public:
    Members(MembersPlugin &, const GuardInfo &info) {
        for (json::Value entry : info.config["people"].items()) {
            Fields person(entry, "option");
            Person one{person.get<std::string>("token"), Identity(person.get<std::string>("subject"))};
            one.who.roles = person.get_or<std::vector<std::string>>("roles", {});
            if (one.token.size() < 16)
                throw Error::invalid("the token of " + one.who.subject + " is shorter than 16 bytes");
            people_.push_back(std::move(one));
        }
    }
    ~Members() {
        for (Person &one : people_)
            wipe(one.token.data(), one.token.size());
    }

    /** Throws where the token is empty, or there are two; those that wait for somebody take `asked.later`. */
    Answer identify(const Credentials &asked) {
        std::string_view token = asked.bearer();
        if (token.data() == nullptr) return Answer::absent(); /* the next provider is asked */
        const Person *found = nullptr;
        for (const Person &one : people_) /* all of them: the time says nothing about who is in it */
            if (same_secret(token, one.token)) found = &one;
        if (found == nullptr) return Error::denied("nobody has this token").shown();
        return found->who;
    }

  private:
    struct Person {
        std::string token;
        Identity who;
    };
    std::vector<Person> people_;
};

JACKFIELD_PLUGIN(MembersPlugin)
