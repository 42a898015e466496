#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The SQL that installs the product: definer functions fix their search path, and what is created is commented.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my @files = source_files(qr{^sql/(?:schema|upgrade)/.*\.sql$});
skip_all('no SQL yet') unless @files;

my $name = qr{((?:[\w@%"\$]+\.)?[\w@%"\$]+)};
my $kind = qr{(FUNCTION|PROCEDURE|TABLE|VIEW|MATERIALIZED\s+VIEW)}i;
my (%created, %commented, @definer, @path);

# Without schema, quotes and arguments: enough to match a comment with its object.
sub plain {
    my ($kind, $name) = @_;
    $name =~ s/^.*\.//;
    $name =~ s/"//g;
    $kind =~ s/\s+/ /g;
    return uc($kind) . " \L$name";
}

for my $path (@files) {
    my $text = join "\n", read_lines($path);
    $text =~ s/--[^\n]*//g;
    while ($text =~ /\bCREATE\s+(?:OR\s+REPLACE\s+)?$kind\s+(?:IF\s+NOT\s+EXISTS\s+)?$name/gi) {
        my ($kind_found, $name_found) = ($1, $2);
        my ($what, $rest, $line) = (plain($kind_found, $name_found), substr($text, $-[0]), 1 + (substr($text, 0, $-[0]) =~ tr/\n//));
        # A name put in by format() is no name, and the functions of the app schema are commented where they are listed.
        next if $name_found =~ /%/ || ($name_found =~ /^\@app\@/ && uc $kind_found eq 'FUNCTION');
        $created{$what} //= "$path:$line: $what";
        next unless $what =~ /^(?:FUNCTION|PROCEDURE) /;

        # The options stand before the body in this project.
        my ($head) = $rest =~ /\A(.*?)(?:\bAS\s+(?:\$|'|E')|\bBEGIN\s+ATOMIC|\bRETURN\s|;)/si;
        next unless ($head // $rest) =~ /SECURITY\s+DEFINER/i;
        push @definer, "$path:$line: $what" unless $head =~ /SET\s+search_path\s*(?:=|TO)\s*pg_catalog\s*,\s*pg_temp\b/i;
    }
    while ($text =~ /\bCOMMENT\s+ON\s+$kind\s+$name/gi) { $commented{ plain($1, $2) } = 1 }
    while ($text =~ /\batelier\.describe\('([^']+)'/g) {
        $commented{ plain($_, $1) } = 1 for 'TABLE', 'VIEW', 'MATERIALIZED VIEW';
    }

    # Options after the body would escape the rule above.
    while ($text =~ /\$\w*\$\s*([^;\$]*\bSECURITY\s+DEFINER\b[^;]*);/gi) {
        push @path, "$path:" . (1 + (substr($text, 0, $-[1]) =~ tr/\n//));
    }
}

rule('SECURITY DEFINER functions SET search_path = pg_catalog, pg_temp', @definer);
rule('the options of a function stand before its body', @path);
rule('every function, table and view has a COMMENT', map { $created{$_} } grep { !$commented{$_} } sort keys %created);
finish();
