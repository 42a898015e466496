#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The README's table has a row for every setting, and for nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my %defined;
for my $path (source_files(qr{^src/pg/settings\w*\.cpp$})) {
    my $faults = 0;
    for my $line (read_lines($path)) {
        # Those of the tests exist only where fault points are compiled in.
        $faults = 1 if $line =~ /^#ifdef ATELIER_FAULT_POINTS/;
        $faults = 0 if $line =~ /^#(?:endif|else)/;
        $defined{$_} = 1 for $faults ? () : $line =~ /"(atelier\.\w+)"/g;
    }
}
my %told = map { /^\| `(atelier\.\w+)`/ ? ($1 => 1) : () } read_lines('README.md');
rule('every setting has its row in the README', grep { !$told{$_} } sort keys %defined);
rule('every row of the table is a setting', grep { !$defined{$_} } sort keys %told);
finish();
