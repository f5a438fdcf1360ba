// SPDX-License-Identifier: Apache-2.0
// Offers the service jf.seal/1: text that clients keep for the gateway, and can neither read nor make. Here
// the text stays in the gateway's memory, and the client gets a ticket for it. With a key of yours (in an
// HSM, a cloud's key service) put encryption in the vault's place: then sealed text outlives the gateway.
#include "vault.hpp"

#include <jackfield/plugin.hpp>
#include <jackfield/seal.h>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Seals state that clients keep, by keeping it here and giving out numbers.",
  "facets": [],
  "provides": ["jf.seal/1"],
  "requires": [],
  "threads": "per-loop",
  "config": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "most": {
        "type": "integer", "minimum": 16, "maximum": 1000000, "default": 65536,
        "description": "How many texts are kept; then the oldest is forgotten"
      }
    }
  }
})json");

using namespace jackfield;

/** An error in the ABI's form. */
static int32_t refuse(jf_fault *why, const Error &error) noexcept {
    why->code = error.code();
    why->flags = error.flags();
    why->text_len = static_cast<uint32_t>(std::min(error.text().size(), sizeof why->text));
    std::memcpy(why->text, error.text().data(), why->text_len);
    return error.code();
}

/** Runs the body of a slot: nothing may unwind out of it. */
template <class Body> static int32_t guarded(jf_fault *why, Body body) noexcept {
    try {
        return body();
    } catch (const Error &error) {
        return refuse(why, error);
    } catch (...) {
        return why->code = JF_E_FAULT; /* out of memory */
    }
}

/** One instance: the gateway makes one for each event loop. */
class SealPlugin : public Plugin {
  public:
    SealPlugin(Host &host, const json::Value &config)
        : Plugin(host),
          vault_(Vault::shared(Fields(config, "setting").get_or<size_t>("most", 65536, 16, 1000000))) {
        table_.size = sizeof table_;
        table_.context = this;
        table_.seal = seal;
        table_.open = open;
    }

    /** The services that the manifest provides. */
    const void *offer(std::string_view id) { return id == JF_SEAL_1 ? &table_ : nullptr; }

  private:
    static Vault &vault_of(void *context) { return *static_cast<SealPlugin *>(context)->vault_; }

    /* Called from every thread. */
    static int32_t seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed,
                        jf_fault *why) noexcept {
        return guarded(why, [&]() -> int32_t {
            if (plain.len > JF_SEAL_MOST || bound.len > JF_SEAL_MOST)
                return refuse(why, {JF_E_INVALID, "more than 64 KiB cannot be sealed"});
            *sealed = Blob(vault_of(context).put(text(plain), text(bound))).release();
            return JF_OK;
        });
    }
    static int32_t open(void *context, jf_view sealed, jf_view bound, jf_blob *plain,
                        jf_fault *why) noexcept {
        return guarded(why, [&]() -> int32_t {
            auto found = vault_of(context).get(text(sealed), text(bound));
            if (!found) /* whatever the reason: who tries tickets shall learn nothing */
                return refuse(why, Error::invalid("this text was not sealed here, or is too old"));
            *plain = Secret::release(std::move(found));
            return JF_OK;
        });
    }

    std::shared_ptr<Vault> vault_;
    jf_seal_1 table_{};
};

JACKFIELD_PLUGIN(SealPlugin)
