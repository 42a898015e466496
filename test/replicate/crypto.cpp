// SPDX-License-Identifier: PostgreSQL
#include "crypto.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace stand_in {

namespace {

const unsigned char* bytes(std::string_view data) { return reinterpret_cast<const unsigned char*>(data.data()); }

std::string digest(const EVP_MD* algorithm, std::string_view data) {
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(data.data(), data.size(), result, &length, algorithm, nullptr);
  return {reinterpret_cast<char*>(result), length};
}

std::string hex(std::string_view data) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : data) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string sha256(std::string_view data) { return digest(EVP_sha256(), data); }

std::string sha256_hex(std::string_view data) { return hex(sha256(data)); }

std::string md5_hex(std::string_view data) { return hex(digest(EVP_md5(), data)); }

std::string hmac_sha256(std::string_view key, std::string_view data) {
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(data), data.size(), result, &length);
  return {reinterpret_cast<char*>(result), length};
}

std::string base64(std::string_view data) {
  std::string text((data.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes(data), data.size());
  text.resize(length);
  return text;
}

}  // namespace stand_in
