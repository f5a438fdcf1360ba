// SPDX-License-Identifier: Apache-2.0
// One connected client: lines in, lines out.
#ifndef CLIENT_HPP
#define CLIENT_HPP

#include <jackfield/plugin.hpp>

#include <cerrno>
#include <functional>

#include <sys/socket.h>
#include <unistd.h>

/** A descriptor that is closed with its owner. */
class Socket {
  public:
    explicit Socket(int fd = -1) noexcept : fd_(fd) {}
    Socket(Socket &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket &operator=(Socket &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

class Client {
  public:
    using Gone = std::function<void(jackfield::Ref)>;

    Client(jackfield::Inbound &host, Socket socket, jackfield::Ref ref, uint64_t most, Gone gone)
        : host_(host), gone_(std::move(gone)), most_(most), ref_(ref), socket_(std::move(socket)) {}

    /** Reads from now on; false: the event loop takes no more. */
    static bool begin(const std::shared_ptr<Client> &it, jackfield::Loop &loop) {
        auto turn = [weak = std::weak_ptr<Client>(it)](uint32_t events) {
            if (auto client = weak.lock()) client->turn(events); /* locked: it may end meanwhile */
        };
        if (!loop.watch(it->socket_.fd(), JF_READABLE | JF_WRITABLE, turn, it->watch_)) return true;
        it->end(true);
        return false;
    }

    /** Writes a message, as jf_listener_1.reply says. */
    int32_t reply(const jackfield::Message &message) {
        if (closing_ || over_) return JF_E_STALE;
        if (!message.has_body()) return JF_OK; /* an acknowledgement: there is no line for it */
        std::string line = message.body();
        /* A JSON text may have line feeds only between its tokens: there a space does as well. */
        std::replace_if(
            line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
        out_ += line;
        out_ += '\n';
        flush();
        if (!over_ && out_.size() > given_up) end(true);
        if (over_) return JF_E_STALE;
        slow_ = slow_ || out_.size() > slow;
        return slow_ ? JF_E_BUSY : JF_OK;
    }

    /** Closes the connection once all is written. */
    void finish() {
        closing_ = true;
        if (out_.empty()) end(true);
    }

  private:
    static constexpr size_t slow = 65536;        /* bytes that wait before the host hears of a slow reader */
    static constexpr size_t given_up = 16777216; /* and before the connection is given up */

    void turn(uint32_t events) {
        char bytes[16384];
        if (events & JF_WRITABLE) flush();
        while (!over_) {
            ssize_t count = recv(socket_.fd(), bytes, sizeof bytes, 0);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) return;
            if (count <= 0) return end(true);
            in_.append(bytes, static_cast<size_t>(count));
            deliver();
        }
    }

    /** Hands every whole line to the host. */
    void deliver() {
        size_t from = 0, feed;
        while (!over_ && (feed = in_.find('\n', from)) != std::string::npos) {
            std::string_view line(in_.data() + from, feed - from);
            from = feed + 1;
            if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
            if (line.empty()) continue;
            /* The host may answer, or end the client, before this returns. */
            if (host_.deliver(ref_, 0, line, 0) != JF_OK) end(false);
        }
        in_.erase(0, from);
        if (!over_ && in_.size() > most_) end(true);
    }

    /** Writes what the socket takes. */
    void flush() {
        size_t done = 0;
        while (done < out_.size()) {
            ssize_t count = send(socket_.fd(), out_.data() + done, out_.size() - done, MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) break;
            if (count < 0) return end(true);
            done += static_cast<size_t>(count);
        }
        out_.erase(0, done);
        if (!out_.empty()) return;
        if (closing_) return end(true);
        if (std::exchange(slow_, false)) host_.writable(ref_, 0);
    }

    /** Closes the connection at once; `tells`: the host does not know yet. */
    void end(bool tells) {
        if (std::exchange(over_, true)) return;
        watch_.end();
        socket_ = Socket();
        gone_(ref_);
        if (tells) host_.closed(ref_);
    }

    jackfield::Inbound &host_;
    Gone gone_;
    const uint64_t most_;
    const jackfield::Ref ref_;
    Socket socket_;
    jackfield::Watch watch_; /* ends before the socket is closed */
    std::string in_, out_;
    bool slow_ = false;    /* the host waits for `writable` */
    bool closing_ = false; /* ends when `out_` is empty */
    bool over_ = false;
};

#endif
