// SPDX-License-Identifier: Apache-2.0
// A listener: takes MCP clients on a TCP port of the loopback interface, one JSON text on each line.
#include "client.hpp"

#include <cerrno>
#include <map>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Takes MCP clients on a port of this machine, a JSON text on each line.",
  "facets": ["jf.listener/1"],
  "requires": ["jf.inbound/1", "jf.loop/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "listener": {
    "transport": "PLUGIN_NAME",
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "address": {
          "type": "string", "default": "127.0.0.1:8810",
          "description": "Where to listen: an address of the loopback interface, port 0 for any"
        },
        "max_message": {
          "type": "integer", "minimum": 1024, "maximum": 1073741824, "default": 4194304,
          "description": "The longest line of a client, in bytes"
        }
      }
    }
  }
})json");

using namespace jackfield;

class Ports;

/** One instance: the gateway makes one for each event loop, so that nothing needs a lock. */
struct LinesPlugin : Plugin {
    using Listener = Ports;
    using Plugin::Plugin;

    Inbound inbound{host};
    Loop loop{host};
};

/** The open ports and the clients of an instance. */
class Ports {
  public:
    explicit Ports(LinesPlugin &plugin) : plugin_(plugin) {}

    Error listen(Ref listener, std::string_view override, const json::Value &config, std::string &bound) {
        Fields settings(config, "setting");
        std::string address(override.data() != nullptr ? override : std::string_view());
        if (override.data() == nullptr) address = settings.get_or<std::string>("address", "127.0.0.1:8810");
        auto most = settings.get_or<uint64_t>("max_message", 4194304);
        sockaddr_in at{};
        if (!read(address, at)) return {JF_E_INVALID, "address " + address + " is not like 127.0.0.1:8810"};
        if (ntohl(at.sin_addr.s_addr) >> 24 != 127)
            return {JF_E_DENIED,
                    "address " + address + " is not of the loopback interface: clients need no password"};
        Port port;
        port.socket = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        int fd = port.socket.fd(), on = 1;
        socklen_t size = sizeof at;
        /* SO_REUSEPORT: the instances of all event loops share the port, and a new build of the plugin with
         * them. */
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
            bind(fd, reinterpret_cast<sockaddr *>(&at), size) != 0 || ::listen(fd, 128) != 0 ||
            getsockname(fd, reinterpret_cast<sockaddr *>(&at), &size) != 0)
            return Error::fault("cannot listen at " + address + ": " + std::strerror(errno));
        Error refused = plugin_.loop.watch(
            fd, JF_READABLE, [this, fd, listener, most](uint32_t) { accept_all(fd, listener, most); },
            port.watch);
        if (refused) return refused;
        bound = "tcp://" + shown(at);
        ports_[listener] = std::move(port);
        return {};
    }

    void unlisten(Ref listener) { ports_.erase(listener); }

    int32_t reply(Ref ref, const Message &message) {
        auto found = clients_.find(ref);
        if (found == clients_.end()) return JF_E_STALE;
        std::shared_ptr<Client> it = found->second;
        return it->reply(message);
    }

    void close(Ref ref) {
        auto found = clients_.find(ref);
        if (found == clients_.end()) return;
        std::shared_ptr<Client> it = found->second;
        it->finish();
    }

  private:
    struct Port {
        Socket socket;
        Watch watch; /* ends before the socket is closed */
    };

    static bool read(const std::string &address, sockaddr_in &at) {
        size_t colon = address.rfind(':');
        unsigned port = 0;
        if (colon == std::string::npos) return false;
        const char *first = address.data() + colon + 1, *last = address.data() + address.size();
        auto [end, error] = std::from_chars(first, last, port);
        if (error != std::errc() || end != last || port > 65535) return false;
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<uint16_t>(port));
        return inet_pton(AF_INET, address.substr(0, colon).c_str(), &at.sin_addr) == 1;
    }
    static std::string shown(const sockaddr_in &at) {
        char host[INET_ADDRSTRLEN] = "?";
        inet_ntop(AF_INET, &at.sin_addr, host, sizeof host);
        return std::string(host) + ":" + std::to_string(ntohs(at.sin_port));
    }

    void accept_all(int fd, Ref listener, uint64_t most) {
        for (;;) {
            sockaddr_in from{};
            socklen_t size = sizeof from;
            Socket socket(
                accept4(fd, reinterpret_cast<sockaddr *>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (socket.fd() < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
            if (socket.fd() < 0) return;
            Ref ref = 0;
            if (plugin_.inbound.opened(listener, shown(from), JF_CLIENT_SHARED, ref)) continue; /* refused */
            auto client = std::make_shared<Client>(plugin_.inbound, std::move(socket), ref, most,
                                                   [this](Ref gone) { clients_.erase(gone); });
            if (Client::begin(client, plugin_.loop)) clients_[ref] = std::move(client);
        }
    }

    LinesPlugin &plugin_;
    std::map<Ref, Port> ports_;
    std::map<Ref, std::shared_ptr<Client>> clients_; /* by the host's handles */
};

JACKFIELD_PLUGIN(LinesPlugin)
