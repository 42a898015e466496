// SPDX-License-Identifier: PostgreSQL
#include "http/transfer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "http/address.hpp"

namespace atelier::http {

namespace {

// Idle connections seldom live to race with the server's close; see the protocol notes on reused connections.
constexpr long kConnectionAgeS = 20;
constexpr int kMostRepeats = 1;

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "[::1]" || host == "::1") return true;
  return host.substr(0, 4) == "127." && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Scheme and host of a URL as libcurl will read it; an error text when it may not be asked.
std::string check_url(const std::string& url, bool allow_plain_http) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "malformed URL";
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string copy;
    if (curl_url_get(parsed.get(), which, &text, 0) == CURLUE_OK) copy = text;
    curl_free(text);
    return copy;
  };
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) return "user name or password in URL";
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme == "https") return {};
  if (scheme == "http" && allow_plain_http && is_loopback_host(part(CURLUPART_HOST))) return {};
  return "only https URLs are allowed";
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

Transfer::Transfer() : handle_(curl_easy_init()) {
  if (handle_ == nullptr) throw std::bad_alloc();
}

Transfer::~Transfer() {
  curl_slist_free_all(headers_);
  curl_easy_cleanup(handle_);
}

std::string Transfer::prepare(Request request, const Options& options) {
  request_ = std::move(request);
  answer_ = Answer{};
  answer_.id = request_.id;
  answer_.repeats = -1;
  sent_ = 0;
  error_[0] = '\0';
  curl_slist_free_all(headers_);
  headers_ = nullptr;
  curl_easy_reset(handle_);
  for (const std::string& header : request_.headers) {
    if (has_line_break(header)) return "line break in a header";
    if (header.find(':') - 1 >= header.size()) return "header without a name";
  }
  if (has_line_break(request_.url)) return "line break in the URL";
  if (std::string error = check_url(request_.url, options.allow_plain_http); !error.empty()) return error;
  return set_options(options);
}

std::string Transfer::set_options(const Options& options) {
  CURLcode worst = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    const CURLcode code = curl_easy_setopt(handle_, option, value);
    if (code != CURLE_OK) worst = code;
  };
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROTOCOLS_STR, options.allow_plain_http ? "http,https" : "https");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_PROXY, "");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_MAXAGE_CONN, kConnectionAgeS);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout_ms));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout_ms));
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_WRITEFUNCTION, &Transfer::write_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Transfer::read_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_PREREQFUNCTION, &Transfer::before_sending);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());

  if (request_.only_public) {
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
  }

  // Bodies above 1 MB would otherwise wait a second for "100 Continue".
  if (!append_header("Expect:")) return "out of memory";
  for (const std::string& header : request_.headers)
    if (!append_header(header.c_str())) return "out of memory";
  set(CURLOPT_HTTPHEADER, headers_);

  if (request_.method == "POST") {
    set(CURLOPT_POST, 1L);
    if (request_.file) {
      const FileBody& file = *request_.file;
      const size_t frame = file.before.size() + file.after.size();
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(frame) + static_cast<curl_off_t>(file.size));
      set(CURLOPT_READFUNCTION, &Transfer::read_file);
      set(CURLOPT_READDATA, static_cast<void*>(this));
      set(CURLOPT_SEEKFUNCTION, &Transfer::seek_file);
      set(CURLOPT_SEEKDATA, static_cast<void*>(this));
      return worst == CURLE_OK ? std::string() : std::string(curl_easy_strerror(worst));
    }
    const std::string& body = request_.body ? *request_.body : (request_.body.emplace(), *request_.body);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    if (request_.creates) {
      // libcurl repeats a POST on its own when a reused connection turns out dead, unless it cannot rewind the body.
      set(CURLOPT_READFUNCTION, &Transfer::read_body);
      set(CURLOPT_READDATA, static_cast<void*>(this));
      set(CURLOPT_SEEKFUNCTION, &Transfer::seek_body);
      set(CURLOPT_SEEKDATA, static_cast<void*>(this));
      // There is nothing to rewind in an empty body: only a new connection is never taken for a dead one.
      if (body.empty()) set(CURLOPT_FRESH_CONNECT, 1L);
    } else {
      set(CURLOPT_POSTFIELDS, body.c_str());
    }
  } else if (request_.method == "GET") {
    set(CURLOPT_HTTPGET, 1L);
  } else {
    return "unsupported method";
  }
  return worst == CURLE_OK ? std::string() : std::string(curl_easy_strerror(worst));
}

bool Transfer::append_header(const char* header) {
  curl_slist* longer = curl_slist_append(headers_, header);
  if (longer == nullptr) return false;
  headers_ = longer;
  return true;
}

size_t Transfer::read_body(char* buffer, size_t size, size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string& body = *transfer.request_.body;
  const size_t length = std::min(size * count, body.size() - transfer.sent_);
  std::memcpy(buffer, body.data() + transfer.sent_, length);
  transfer.sent_ += length;
  return length;
}

// libcurl would repeat a request up to five times, uncounted by whoever keeps to a limit.
int Transfer::before_sending(void* self, char*, char*, int, int) noexcept {
  int& repeats = static_cast<Transfer*>(self)->answer_.repeats;
  return ++repeats <= kMostRepeats ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

int Transfer::seek_body(void*, curl_off_t, int) noexcept { return CURL_SEEKFUNC_FAIL; }

size_t Transfer::read_file(char* buffer, size_t size, size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const FileBody& file = *transfer.request_.file;
  const size_t room = size * count;
  const auto file_size = static_cast<size_t>(file.size);
  size_t at = transfer.sent_;
  size_t length = 0;
  if (at < file.before.size()) {
    length = std::min(room, file.before.size() - at);
    std::memcpy(buffer, file.before.data() + at, length);
  } else if (at -= file.before.size(); at < file_size) {
    const ssize_t got = pread(file.fd, buffer, std::min(room, file_size - at), static_cast<off_t>(at));
    if (got <= 0) return CURL_READFUNC_ABORT;
    length = static_cast<size_t>(got);
  } else if (at -= file_size; at < file.after.size()) {
    length = std::min(room, file.after.size() - at);
    std::memcpy(buffer, file.after.data() + at, length);
  }
  transfer.sent_ += length;
  return length;
}

int Transfer::seek_file(void* self, curl_off_t offset, int origin) noexcept {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Transfer*>(self)->sent_ = static_cast<size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

curl_socket_t Transfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  if (!is_public_address(&address->addr)) {
    static_cast<Transfer*>(self)->answer_.address_refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t Transfer::write_body(char* data, size_t size, size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const size_t length = size * count;
  if (const int sink = transfer.request_.sink_fd; sink >= 0) {
    int64_t& sunk = transfer.answer_.sunk_bytes;
    if (static_cast<size_t>(sunk) + length > transfer.request_.max_body_bytes) {
      transfer.answer_.body_too_large = true;
      return 0;
    }
    for (size_t at = 0; at < length;) {
      const ssize_t put = write(sink, data + at, length - at);
      if (put <= 0) return 0;
      at += static_cast<size_t>(put);
    }
    sunk += static_cast<int64_t>(length);
    return length;
  }
  if (transfer.answer_.body.size() + length > transfer.request_.max_body_bytes) {
    transfer.answer_.body_too_large = true;
    return 0;
  }
  try {
    transfer.answer_.body.append(data, length);
    return length;
  } catch (...) {
    return 0;
  }
}

size_t Transfer::read_header(char* data, size_t size, size_t count, void* self) noexcept {
  auto& answer = static_cast<Transfer*>(self)->answer_;
  const std::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  const std::string_view name = line.substr(0, colon);
  try {
    const std::pair<std::string_view, std::string*> wanted[] = {{"content-type", &answer.content_type},
                                                                {"retry-after", &answer.retry_after},
                                                                {"ratelimit-reset", &answer.ratelimit_reset},
                                                                {"ratelimit-remaining", &answer.ratelimit_remaining}};
    for (const auto& [known, place] : wanted)
      if (equal_ignoring_case(name, known)) *place = trimmed(line.substr(colon + 1));
  } catch (...) {
    return 0;
  }
  return line.size();
}

// Certain only before the first byte of the request: no name, no connection, no TLS.
Delivery Transfer::delivery_of(CURLcode code) const {
  if (code == CURLE_OK) return Delivery::delivered;
  long sent = 0;
  curl_easy_getinfo(handle_, CURLINFO_REQUEST_SIZE, &sent);
  if (sent > 0 || sent_ > 0) return Delivery::maybe_sent;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Delivery::not_sent;
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t pretransfer_us = 0;
      curl_easy_getinfo(handle_, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
      return pretransfer_us == 0 ? Delivery::not_sent : Delivery::maybe_sent;
    }
    default:
      return Delivery::maybe_sent;
  }
}

Answer Transfer::finish(CURLcode code) {
  curl_off_t total_us = 0;
  curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME_T, &total_us);
  answer_.total_us = total_us;
  answer_.repeats = std::clamp(answer_.repeats, 0, kMostRepeats);
  answer_.curl_code = code;
  answer_.delivery = delivery_of(code);
  if (code == CURLE_OK) {
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &answer_.status);
  } else {
    answer_.error = answer_.body_too_large ? "answer is too large"
                    : error_[0] != '\0'    ? error_
                                           : curl_easy_strerror(code);
    answer_.body.clear();
  }
  request_.body.reset();
  request_.file.reset();
  return std::move(answer_);
}

}  // namespace atelier::http
