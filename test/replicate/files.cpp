// SPDX-License-Identifier: PostgreSQL
#include "files.hpp"

#include <algorithm>
#include <cctype>

#include "clock.hpp"
#include "crypto.hpp"
#include "json.hpp"

namespace stand_in {

namespace {

// The value of `name` in a header value such as: form-data; name="content"; filename="a.png".
std::string parameter(std::string_view header, std::string_view name) {
  const std::string wanted = "; " + std::string(name) + "=";
  size_t start = header.find(wanted);
  if (start == std::string_view::npos) return {};
  start += wanted.size();
  if (start < header.size() && header[start] == '"') {
    const size_t end = header.find('"', start + 1);
    return end == std::string_view::npos ? std::string{} : std::string(header.substr(start + 1, end - start - 1));
  }
  return std::string(header.substr(start, header.find(';', start) - start));
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// A header of one part of the body.
std::string header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !same_word(line.substr(0, colon), name)) continue;
    const size_t value = line.find_first_not_of(' ', colon + 1);
    return value == std::string_view::npos ? std::string{} : std::string(line.substr(value));
  }
  return {};
}

void take_part(std::string_view head, std::string_view content, File& file, bool& complete) {
  const std::string disposition = header(head, "Content-Disposition");
  const std::string name = parameter(disposition, "name");
  if (name == "content") {
    complete = true;
    if (file.name.empty()) file.name = parameter(disposition, "filename");
    if (file.content_type.empty()) file.content_type = header(head, "Content-Type");
    file.size = content.size();
    file.content = std::make_shared<const std::string>(content);
    file.sha256 = sha256_hex(content);
    file.md5 = md5_hex(content);
  } else if (name == "filename") {
    file.name = content;
  } else if (name == "type") {
    file.content_type = content;
  } else if (name == "metadata") {
    JsonDocument document;
    if (parse_json(content, document) && document.IsObject()) file.metadata = content;
  }
}

}  // namespace

std::optional<File> parse_upload(std::string_view content_type, std::string_view body) {
  const std::string boundary = parameter(content_type, "boundary");
  if (!content_type.starts_with("multipart/form-data") || boundary.empty()) return std::nullopt;
  const std::string opening = "--" + boundary;
  const std::string closing = "\r\n" + opening;
  if (!body.starts_with(opening)) return std::nullopt;
  body.remove_prefix(opening.size());
  File file;
  bool complete = false;
  while (body.starts_with("\r\n")) {
    const size_t head_end = body.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return std::nullopt;
    const std::string_view head = body.substr(2, head_end - 2);
    const std::string_view rest = body.substr(head_end + 4);
    const size_t end = rest.find(closing);
    if (end == std::string_view::npos) return std::nullopt;
    take_part(head, rest.substr(0, end), file, complete);
    body = rest.substr(end + closing.size());
  }
  if (!complete || !body.starts_with("--")) return std::nullopt;
  if (file.content_type.empty()) file.content_type = "application/octet-stream";
  return file;
}

std::string Files::add(File file) {
  const std::lock_guard lock(mutex_);
  file.created_us = now_us();
  last_ = file.content;
  const std::string id = sha256_hex("file " + std::to_string(++made_) + file.sha256).substr(0, 48);
  files_[id] = std::move(file);
  return id;
}

std::optional<File> Files::find(const std::string& id, uint32_t account) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  if (found == files_.end() || found->second.account != account) return std::nullopt;
  return found->second;
}

std::shared_ptr<const std::string> Files::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

bool Files::remove(const std::string& id, uint32_t account) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  if (found == files_.end() || found->second.account != account) return false;
  files_.erase(found);
  return true;
}

std::vector<std::pair<std::string, File>> Files::list(uint32_t account) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, File>> found;
  for (const auto& [id, file] : files_) {
    if (file.account == account) found.emplace_back(id, file);
  }
  return found;
}

void Files::reset() {
  const std::lock_guard lock(mutex_);
  files_.clear();
  last_.reset();
}

}  // namespace stand_in
