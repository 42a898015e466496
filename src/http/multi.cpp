// SPDX-License-Identifier: PostgreSQL
#include "http/multi.hpp"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "http/signals.hpp"
#include "http/transfer.hpp"

namespace atelier::http {

namespace {

// Enough for one turn; what is left over is found ready again at the next.
constexpr int kEventsPerTurn = 256;

int64_t steady_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Multi::Inside {
  Options options;
  int epoll_fd = -1;
  CURLM* multi = nullptr;
  std::optional<int64_t> deadline_us;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;
  std::vector<std::unique_ptr<Transfer>> idle;
  std::vector<Answer> done;

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) noexcept;
  static int on_timer(CURLM*, long timeout_ms, void* self) noexcept;
  void collect();
};

int Multi::Inside::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) noexcept {
  auto& inside = *static_cast<Inside*>(self);
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(inside.epoll_fd, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  const int operation = known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(inside.epoll_fd, operation, socket, &event) != 0) return -1;
  if (known == nullptr) curl_multi_assign(inside.multi, socket, self);
  return 0;
}

int Multi::Inside::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
  auto& deadline = static_cast<Inside*>(self)->deadline_us;
  if (timeout_ms < 0) {
    deadline.reset();
  } else {
    deadline = steady_us() + timeout_ms * 1000;
  }
  return 0;
}

void Multi::Inside::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto place = running.find(handle);
    done.push_back(place->second->finish(code));
    curl_multi_remove_handle(multi, handle);
    idle.push_back(std::move(place->second));
    running.erase(place);
  }
}

namespace {

// What the process needs besides the sockets: the server's own files, and connections that are kept.
constexpr rlim_t kOtherFiles = 512;

// The usual soft limit of 1,024 open files is less than the most transfers; a request without a socket would count as
// not sent. Where the hard limit does not allow it, that is what happens.
void allow_open_files(size_t transfers) noexcept {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, 2 * transfers + kOtherFiles);
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Multi::Multi(Options options) : inside_(std::make_unique<Inside>()) {
  const SignalsBlocked blocked;
  allow_open_files(options.max_transfers);
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) throw std::runtime_error("libcurl could not be initialised");
  inside_->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  inside_->multi = curl_multi_init();
  if (inside_->epoll_fd < 0 || inside_->multi == nullptr) throw std::runtime_error("libcurl could not be set up");
  curl_multi_setopt(inside_->multi, CURLMOPT_SOCKETFUNCTION, &Inside::on_socket);
  curl_multi_setopt(inside_->multi, CURLMOPT_SOCKETDATA, inside_.get());
  curl_multi_setopt(inside_->multi, CURLMOPT_TIMERFUNCTION, &Inside::on_timer);
  curl_multi_setopt(inside_->multi, CURLMOPT_TIMERDATA, inside_.get());
  curl_multi_setopt(inside_->multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  configure(std::move(options));
}

void Multi::configure(Options options) {
  const SignalsBlocked blocked;
  curl_multi_setopt(inside_->multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_transfers));
  inside_->options = std::move(options);
}

Multi::~Multi() {
  abort_all();
  const SignalsBlocked blocked;
  curl_multi_cleanup(inside_->multi);
  close(inside_->epoll_fd);
}

int Multi::fd() const noexcept { return inside_->epoll_fd; }
size_t Multi::in_flight() const noexcept { return inside_->running.size(); }

std::optional<int64_t> Multi::timeout_ms() const {
  if (!inside_->done.empty()) return 0;
  if (!inside_->deadline_us) return std::nullopt;
  return std::max<int64_t>(0, (*inside_->deadline_us - steady_us() + 999) / 1000);
}

void Multi::add(Request request) {
  const SignalsBlocked blocked;
  const uint64_t id = request.id;
  std::unique_ptr<Transfer> transfer;
  if (inside_->idle.empty()) {
    transfer = std::make_unique<Transfer>();
  } else {
    transfer = std::move(inside_->idle.back());
    inside_->idle.pop_back();
  }
  std::string error = transfer->prepare(std::move(request), inside_->options);
  CURL* handle = transfer->handle();
  if (error.empty()) {
    const CURLMcode code = curl_multi_add_handle(inside_->multi, handle);
    if (code == CURLM_OK) {
      inside_->running.emplace(handle, std::move(transfer));
      return;
    }
    error = curl_multi_strerror(code);
  }
  Answer answer;
  answer.id = id;
  answer.delivery = Delivery::not_sent;
  answer.error = std::move(error);
  inside_->done.push_back(std::move(answer));
  inside_->idle.push_back(std::move(transfer));
}

void Multi::act() {
  const SignalsBlocked blocked;
  int running = 0;
  if (inside_->deadline_us && *inside_->deadline_us <= steady_us()) {
    inside_->deadline_us.reset();
    curl_multi_socket_action(inside_->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  epoll_event events[kEventsPerTurn];
  const int count = epoll_wait(inside_->epoll_fd, events, kEventsPerTurn, 0);
  for (int i = 0; i < count; ++i) {
    int what = 0;
    if (events[i].events & EPOLLIN) what |= CURL_CSELECT_IN;
    if (events[i].events & EPOLLOUT) what |= CURL_CSELECT_OUT;
    if (events[i].events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_ERR;
    curl_multi_socket_action(inside_->multi, events[i].data.fd, what, &running);
  }
  inside_->collect();
}

std::vector<Answer> Multi::take_done() { return std::exchange(inside_->done, {}); }

void Multi::abort_all() noexcept {
  const SignalsBlocked blocked;
  for (auto& [handle, transfer] : inside_->running) {
    curl_multi_remove_handle(inside_->multi, handle);
    inside_->idle.push_back(std::move(transfer));
  }
  inside_->running.clear();
}

}  // namespace atelier::http
