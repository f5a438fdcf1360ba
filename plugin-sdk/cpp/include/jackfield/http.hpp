// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the service jf.http/1: serve a path on the HTTP listeners, make HTTP requests.
#ifndef JACKFIELD_HTTP_HPP
#define JACKFIELD_HTTP_HPP

#include <jackfield/host.hpp>
#include <jackfield/http.h>

#include <vector>

namespace jackfield {

/** Header fields; names in lower case. */
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

/** A request on a mounted path, or the response to one made. Borrowed. */
struct HttpMessage {
    std::string_view method, url, peer, body;
    /** Responses: the HTTP status, or one of JF_E_* when there was none. */
    int32_t status = 0;
    /** Mounted: what `respond` takes. */
    Ref exchange = 0;
    const jf_pair *pairs = nullptr;
    uint64_t pair_count = 0;

    /** The first field of that name; data() is nullptr when there is none. */
    std::string_view header(std::string_view name) const noexcept {
        for (uint64_t i = 0; i < pair_count; i++)
            if (text(pairs[i].name) == name) return text(pairs[i].value);
        return {};
    }
};

/** A request to make. Borrowed until `request` returns. */
struct HttpCall {
    std::string_view url, method = "GET", body = {};
    Headers headers = {};
    /** 0: 30 s. */
    uint64_t timeout_ns = 0;
};

/** jf.http/1. Mounts end and requests are given up when the instance stops. All methods [lane]. */
class Http {
  public:
    explicit Http(Host &host, Need need = Need::required)
        : host_(host), table_(host.service<jf_http_1>(JF_HTTP_1, need)) {}

    bool present() const noexcept { return table_.mount != nullptr; }

    /** Serves `path` (exact, or a prefix when it ends with '/') with `serve(const HttpMessage &)`, which
     * answers now or later with `respond`. It stays until the instance stops. */
    template <class Serve> Error mount(std::string_view path, Serve serve) {
        if (table_.mount == nullptr || table_.unmount == nullptr || host_.life()->closed())
            return Error::unsupported("nothing can be mounted now");
        auto node = std::make_unique<MountOf<Serve>>(*this, std::move(serve));
        int32_t status = table_.mount(table_.context, view(path), Mount::served,
                                      static_cast<Mount *>(node.get()), &node->ref);
        if (status != JF_OK)
            return Error(status < 0 ? status : JF_E_FAULT,
                         "the path '" + std::string(path) + "' cannot be mounted");
        host_.closer.add(node.release());
        return {};
    }
    /** Answers a mounted request; with `more`, further calls bring more of the body. JF_E_STALE: the client
     * left. */
    int32_t respond(Ref exchange, int32_t status, std::string_view body, const Headers &headers = {},
                    bool more = false) const {
        if (table_.respond == nullptr || host_.life()->closed()) return JF_E_GONE;
        std::vector<jf_pair> pairs = paired(headers);
        jf_http_response raw{};
        raw.size = sizeof raw;
        raw.flags = more ? JF_HTTP_MORE : 0;
        raw.status = status;
        raw.body = view(body);
        raw.headers = pairs.data();
        raw.header_count = pairs.size();
        return table_.respond(table_.context, exchange, &raw);
    }
    /** Makes a request. `done(const HttpMessage &)` runs once, on the lane, unless the instance stops before.
     */
    template <class Done> Error request(const HttpCall &call, Done done) {
        if (table_.request == nullptr || table_.abandon == nullptr || host_.life()->closed())
            return Error::unsupported("no requests can be made now");
        auto node = std::make_unique<ExchangeOf<Done>>(*this, std::move(done));
        std::vector<jf_pair> pairs = paired(call.headers);
        jf_http_request raw{};
        raw.size = sizeof raw;
        raw.timeout_ns = call.timeout_ns;
        raw.method = view(call.method);
        raw.url = view(call.url);
        raw.body = view(call.body);
        raw.headers = pairs.data();
        raw.header_count = pairs.size();
        jf_fault why{};
        why.size = sizeof why;
        int32_t status = table_.request(table_.context, &raw, Exchange::ended,
                                        static_cast<Exchange *>(node.get()), &node->ref, &why);
        if (status != JF_OK)
            return Error::from(status < 0 ? status : JF_E_FAULT, why, "the request was refused");
        host_.closer.add(node.release());
        return {};
    }

  private:
    static std::vector<jf_pair> paired(const Headers &headers) {
        std::vector<jf_pair> pairs;
        for (const auto &header : headers)
            pairs.push_back({view(header.first), view(header.second)});
        return pairs;
    }
    struct Node : detail::Closable {
        explicit Node(Http &its) : host(its.host_), table(its.table_) {}
        virtual ~Node() = default;
        virtual void run(const HttpMessage &message) = 0;
        Host &host;
        const jf_http_1 table;
        Ref ref = 0;
    };
    struct Mount : Node {
        using Node::Node;
        void close() noexcept override {
            this->table.unmount(this->table.context, this->ref);
            detail::guard_quietly([this] { delete this; });
        }
        static void served(void *user, const jf_http_request *raw) {
            Mount *it = static_cast<Mount *>(user);
            const jf_http_request known = detail::sized(raw);
            HttpMessage message{text(known.method), text(known.url), text(known.peer),  text(known.body), 0,
                                known.exchange,     known.headers,   known.header_count};
            if (it->host.life()->run("http mount", [&] { it->run(message); })) return;
            jf_http_response sorry{}; /* a client shall not wait for what will not come */
            sorry.size = sizeof sorry;
            sorry.status = 500;
            if (it->table.respond != nullptr) it->table.respond(it->table.context, message.exchange, &sorry);
        }
    };
    struct Exchange : Node {
        using Node::Node;
        void close() noexcept override {
            this->table.abandon(this->table.context, this->ref);
            detail::guard_quietly([this] { delete this; });
        }
        static void ended(void *user, jf_ref, const jf_http_response *raw) {
            std::unique_ptr<Exchange> it(static_cast<Exchange *>(user));
            it->host.closer.remove(it.get());
            const jf_http_response known = detail::sized(raw);
            HttpMessage message{
                {}, {}, {}, text(known.body), known.status, 0, known.headers, known.header_count};
            std::shared_ptr<detail::Life> life = it->host.life();
            life->run("http request", [&] { it->run(message); });
            detail::guard_quietly([&] { it.reset(); });
        }
    };
    template <class Serve> struct MountOf final : Mount {
        MountOf(Http &its, Serve what) : Mount(its), serve(std::move(what)) {}
        void run(const HttpMessage &message) override { serve(message); }
        Serve serve;
    };
    template <class Done> struct ExchangeOf final : Exchange {
        ExchangeOf(Http &its, Done what) : Exchange(its), done(std::move(what)) {}
        void run(const HttpMessage &message) override { done(message); }
        Done done;
    };
    Host &host_;
    jf_http_1 table_;
};

} // namespace jackfield

#endif
