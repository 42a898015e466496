// SPDX-License-Identifier: PostgreSQL
#include "core/base64.hpp"

#include <gtest/gtest.h>

namespace atelier::core::base64 {
namespace {

TEST(CoreBase64, VectorsOfTheStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encode(bytes), text);
    EXPECT_EQ(decode(text), bytes);
  }
}

TEST(CoreBase64, EveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (size_t from = 0; from < 4; ++from) EXPECT_EQ(decode(encode(bytes.substr(from))), bytes.substr(from));
}

TEST(CoreBase64, OnlyTheOneForm) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8=Zm8=", "Z===", "====", "Zm9v\n", " Zm9v",
                           "Zm-_", "Zm9v=", "Zm 9"})
    EXPECT_EQ(decode(text), std::nullopt) << text;
}

}  // namespace
}  // namespace atelier::core::base64
