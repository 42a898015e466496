#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every fault point in the list is in the code, and the kill matrix knows how to reach it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my $header = 'src/pg/fault.hpp';
my %listed = map { /^\s*POINT\((\w+)\)/ ? ($1 => 1) : () } read_lines($header);
my %reached;
for my $path (source_files(qr{^src/.*\.cpp$})) {
    for my $code (code_lines($path)) {
        $reached{$1} = $path while $code =~ /\bATELIER_FAULT(?:_IF)?\((?:[^;]*,\s*)?(\w+)\)/g;
    }
}
my $matrix = join "\n", read_lines('test/t/lib/Atelier/Crash.pm');

rule('the list of fault points is read', keys %listed > 20 ? () : $header);
rule('every listed fault point is in the code', grep { !$reached{$_} } sort keys %listed);
rule('the kill matrix reaches every fault point', grep { $matrix !~ /\b\Q$_\E => \{/ } sort keys %listed);
finish();
