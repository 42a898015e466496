#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# C++ is formatted as .clang-format says. Other versions of clang-format lay some lines out differently, so only the one of
# Debian 12 is asked, and a machine without it is not held up.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my ($program) = grep { (`$_ --version 2>/dev/null` // '') =~ /version 14\./ } qw(clang-format-14 clang-format);
skip_all('clang-format 14 is not installed') unless $program;
my @files = source_files(qr{^(?:src|test)/.*\.[ch]pp$});
skip_all('no C++ files') unless @files;

my @wrong = grep { system("$program --dry-run -Werror '$_' >/dev/null 2>&1") != 0 } @files;
rule('C++ is formatted', map {"$_: run $program -i $_"} @wrong);
finish();
