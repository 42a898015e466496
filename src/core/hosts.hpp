// SPDX-License-Identifier: PostgreSQL
// Lists of hosts that something may be fetched from, as a setting writes them: names, *.name for every host below one,
// and the word public for every https host. Called before a download; whether a public host has a public address can
// only be seen when its socket is opened.
#pragma once

#include <string>
#include <string_view>

namespace atelier::core {

// The host of an http or https URL in lower case, without port and brackets; empty when there is none, or the URL holds
// a user name or characters that programs read differently.
std::string host_of(std::string_view url);

enum class HostVerdict {
  refused,
  listed,     // named in the list
  if_public,  // by the word public
};
HostVerdict judge_host(std::string_view list, std::string_view url);

}  // namespace atelier::core
