// SPDX-License-Identifier: PostgreSQL
#include "core/hosts.hpp"

#include <gtest/gtest.h>

namespace atelier::core {
namespace {

TEST(Hosts, HostOfAnUrl) {
  EXPECT_EQ(host_of("https://Files.Example.ORG/a?b=c"), "files.example.org");
  EXPECT_EQ(host_of("HTTPS://files.example.org.:8443/a"), "files.example.org");
  EXPECT_EQ(host_of("http://[::1]:80/a"), "::1");
  EXPECT_EQ(host_of("https://a.test#@b.test"), "a.test");
}

TEST(Hosts, NoHostInWhatProgramsReadDifferently) {
  for (const char* url : {"", "a.test/x", "ftp://a.test/x", "https:///x", "https://a@b.test/x",
                          "https://a.test\\@b.test/", "https://a.test /", "https://a.test\n/", "https://[::1/x",
                          "https://[::1]x/", "https://a%2eb/", "data:image/png;base64,AA==", "//a.test/x"})
    EXPECT_EQ(host_of(url), "") << url;
}

TEST(Hosts, ListsNameHosts) {
  const char* list = " a.test , *.b.test,C.test";
  EXPECT_EQ(judge_host(list, "https://a.test/x"), HostVerdict::listed);
  EXPECT_EQ(judge_host(list, "https://c.test/x"), HostVerdict::listed);
  EXPECT_EQ(judge_host(list, "https://x.b.test/x"), HostVerdict::listed);
  EXPECT_EQ(judge_host(list, "https://b.test/x"), HostVerdict::refused);
  EXPECT_EQ(judge_host(list, "https://xb.test/x"), HostVerdict::refused);
  EXPECT_EQ(judge_host(list, "https://a.test.evil.test/x"), HostVerdict::refused);
  EXPECT_EQ(judge_host("", "https://a.test/x"), HostVerdict::refused);
}

TEST(Hosts, PublicIsForHttpsAndNamedHostsComeFirst) {
  EXPECT_EQ(judge_host("public", "https://a.test/x"), HostVerdict::if_public);
  EXPECT_EQ(judge_host("public", "http://a.test/x"), HostVerdict::refused);
  EXPECT_EQ(judge_host("public, a.test", "https://a.test/x"), HostVerdict::listed);
}

}  // namespace
}  // namespace atelier::core
