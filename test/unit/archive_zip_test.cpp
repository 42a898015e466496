// SPDX-License-Identifier: PostgreSQL
#include "archive/zip.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace atelier::archive {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File new_file() { return {std::tmpfile(), std::fclose}; }

std::string contents(const File& file) {
  const int fd = fileno(file.get());
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

std::string zip_of(const std::string& picture) {
  const File source = new_file();
  EXPECT_EQ(pwrite(fileno(source.get()), picture.data(), picture.size(), 0), static_cast<ssize_t>(picture.size()));
  const File target = new_file();
  ZipWriter zip(fileno(target.get()));
  zip.add_file("a.jpg", fileno(source.get()), static_cast<int64_t>(picture.size()));
  zip.add_text("a.txt", "a kettle");
  zip.finish();
  return contents(target);
}

TEST(Zip, StoresBytesAsTheyAre) {
  const std::string picture(200'000, 'x');
  const std::string zip = zip_of(picture);
  EXPECT_NE(zip.find(picture), std::string::npos);
  EXPECT_NE(zip.find("a kettle"), std::string::npos);
  EXPECT_LT(zip.size(), picture.size() + 1000);
  EXPECT_EQ(zip.substr(0, 4), "PK\3\4");
}

TEST(Zip, EqualEntriesGiveEqualBytes) { EXPECT_EQ(zip_of("picture"), zip_of("picture")); }

TEST(Zip, AFileThatIsTooShortIsAnError) {
  const File source = new_file();
  const File target = new_file();
  ZipWriter zip(fileno(target.get()));
  EXPECT_THROW(zip.add_file("a.jpg", fileno(source.get()), 10), std::runtime_error);
}

TEST(Zip, AFileThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(
      {
        ZipWriter zip(-1);
        zip.add_text("a.txt", std::string(1'000'000, 'x'));
      },
      std::runtime_error);
}

}  // namespace
}  // namespace atelier::archive
