#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The outside of the files: licence line, header comments, length, and nothing left for later.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my $source = qr{\.(?:cpp|hpp|sql|spec|pl|pm|sh|py|ts|mjs|map|cmake)$|(?:^|/)(?:Makefile|CMakeLists\.txt)$|^\.ci/run$};
my (@license, @comment, @guard, @later, @white, @wide, @long);

# Built from two halves, so that this file does not break its own rule.
my $later = join '|', map { join '', @$_ } ['TO', 'DO'], ['FIX', 'ME'], ['XX', 'X'], ['HA', 'CK'];

for my $path (source_files($source)) {
    my @lines = read_lines($path);
    push @license, $path unless join(' ', grep {defined} (@lines)[0 .. 2]) =~ /SPDX-License-Identifier: PostgreSQL/;
    push @long, "$path has " . @lines . ' lines' if @lines > 400;
    if ($path =~ /\.hpp$/) {
        my $comments = 0;
        $comments++ while defined $lines[ 1 + $comments ] && $lines[ 1 + $comments ] =~ m{^//};
        my $words = () = join(' ', @lines[1 .. $comments]) =~ /\w+/g;
        push @comment, "$path opens with $words words in $comments comment lines" if $words < 10 || $comments > 14;
        push @guard, $path unless grep { $_ eq '#pragma once' } @lines;
    }
    for my $i (0 .. $#lines) {
        my $place = "$path:" . ($i + 1);
        push @later, "$place: $lines[$i]" if $lines[$i] =~ /\b(?:$later)\b/;
        push @white, $place if $lines[$i] =~ /[ \r]$/ || ($path !~ /Makefile$/ && $lines[$i] =~ /\t/);
        push @wide, $place if $path =~ /\.[ch]pp$/ && length $lines[$i] > 120;
    }
}

note_line("is this one thing? $_") for @long;
my @hosts = grep { my $path = $_; grep { /"resolved"/ } read_lines($path) } source_files(qr{package-lock\.json$});
rule('every source file has its licence line', @license);
rule('lock files name packages and not the hosts that they came from', @hosts);
rule('every header opens with a comment that says what it is', @comment);
rule('every header is included once', @guard);
rule('nothing is left for later', @later);
rule('no tabs, carriage returns or spaces at line ends', @white);
rule('lines of C++ have at most 120 characters', @wide);
finish();
