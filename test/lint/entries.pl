#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every way from SQL into C++ goes through the entry macros of src/pg/entry.hpp, and SQL and C++ agree on the names.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my $macro_file = 'src/pg/entry.hpp';
my (%entry, @by_hand, @c_linkage);
for my $path (source_files(qr{^src/.*\.[ch]pp$})) {
    my @lines = code_lines($path);
    for my $i (0 .. $#lines) {
        my $code = $lines[$i];
        my $place = "$path:" . ($i + 1) . ": $code";
        $entry{$2} = $place if $code =~ /^\s*ATELIER_(FUNCTION|TRIGGER)\(\s*(\w+)/;
        next if $path eq $macro_file;
        push @by_hand, $place if $code =~ /\bPG_FUNCTION_(?:INFO_V1|ARGS)\b/;
        next unless $code =~ /extern\s+"C"/;

        # A block that only includes headers, the module's own entry, and the mains of background workers.
        my $next = join ' ', @lines[$i .. ($i + 3 > $#lines ? $#lines : $i + 3)];
        next if $next =~ /extern\s+"C"\s*\{\s*#\s*(?:include|if)/;
        next if $path eq 'src/module.cpp' || $code =~ /\batelier_\w+_main\b/;
        push @c_linkage, $place;
    }
}

my (%sql, @unknown);
for my $path (source_files(qr{^sql/schema/.*\.sql$})) {
    my $line = 0;
    for my $text (read_lines($path)) {
        $line++;
        next unless $text =~ /'MODULE_PATHNAME'\s*,\s*'(\w+)'/;
        my $symbol = $1;
        $sql{$symbol} = 1;
        (my $name = $symbol) =~ s/^atelier_//;
        push @unknown, "$path:$line: $symbol" unless $entry{$name};
    }
}

# What a released version names stays, since a database may not have been updated yet.
my @gone;
for my $path (source_files(qr{^sql/upgrade/released/.*\.sql\.gz$})) {
    open my $script, '-|', 'gzip', '-dc', $path or die "$path: $!";
    while (my $text = <$script>) {
        next unless $text =~ /'MODULE_PATHNAME'\s*,\s*'atelier_(\w+)'/;
        $sql{"atelier_$1"} = 1;
        push @gone, "$path: atelier_$1" unless $entry{$1};
    }
    close $script or die "gzip failed on $path";
}

rule('functions for SQL are written with the entry macros', @by_hand);
rule('C linkage is for worker mains, the module and the entry macros', @c_linkage);
rule('every C symbol named in SQL exists', @unknown);
rule('every C symbol that a released version names exists', @gone);
rule('every entry is named in SQL', map { $entry{$_} } grep { !$sql{"atelier_$_"} } sort keys %entry);
finish();
