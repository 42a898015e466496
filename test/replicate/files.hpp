// SPDX-License-Identifier: PostgreSQL
// Uploaded files: what the service says about them. The bytes themselves are measured and forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "message.hpp"

namespace stand_in {

struct File {
  std::string name;
  std::string content_type;
  std::string metadata = "{}";  // JSON text
  std::string sha256;
  std::string md5;
  size_t size = 0;
  std::shared_ptr<const std::string> content;
  uint32_t account = 0;
  int64_t created_us = 0;
};

constexpr size_t kMostFileBytes = 100u << 20;

// Takes a multipart/form-data body apart; nothing when it is malformed or has no part `content`.
std::optional<File> parse_upload(std::string_view content_type, std::string_view body);

class Files {
 public:
  std::string add(File file);  // its id
  std::optional<File> find(const std::string& id, uint32_t account) const;
  std::shared_ptr<const std::string> last() const;  // the contents of the last one
  bool remove(const std::string& id, uint32_t account);
  std::vector<std::pair<std::string, File>> list(uint32_t account) const;
  void reset();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, File> files_;
  uint64_t made_ = 0;
  std::shared_ptr<const std::string> last_;
};

}  // namespace stand_in
