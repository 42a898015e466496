// SPDX-License-Identifier: PostgreSQL
// One transfer: a request, the easy handle it runs on, and the answer as it comes in. The handle is used again for the
// next request. Used by multi.cpp only.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <string>

#include "http/multi.hpp"

namespace atelier::http {

class Transfer {
 public:
  Transfer();
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const noexcept { return handle_; }

  // Sets the handle up; an error text when the request cannot be made.
  std::string prepare(Request request, const Options& options);
  Answer finish(CURLcode code);

 private:
  static size_t read_body(char* buffer, size_t size, size_t count, void* self) noexcept;
  static int before_sending(void* self, char*, char*, int, int) noexcept;
  static int seek_body(void* self, curl_off_t offset, int origin) noexcept;
  static size_t read_file(char* buffer, size_t size, size_t count, void* self) noexcept;
  static int seek_file(void* self, curl_off_t offset, int origin) noexcept;
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static size_t write_body(char* data, size_t size, size_t count, void* self) noexcept;
  static size_t read_header(char* data, size_t size, size_t count, void* self) noexcept;
  std::string set_options(const Options& options);
  bool append_header(const char* header);
  Delivery delivery_of(CURLcode code) const;

  CURL* handle_;
  curl_slist* headers_ = nullptr;
  Request request_;
  Answer answer_;
  size_t sent_ = 0;  // of the body
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace atelier::http
