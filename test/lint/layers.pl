#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Who may include whom in src/, and what each folder alone may use.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my %may_include = (
    core      => [qw(core)],
    replicate => [qw(replicate core)],
    http      => [qw(http)],
    archive   => [qw(archive)],
    pg        => [qw(pg)],
    store     => [qw(store pg core)],
    rpc       => [qw(rpc store replicate pg core)],
    trigger   => [qw(trigger store replicate pg core)],
    worker    => [qw(worker http archive replicate store pg core)],
    module    => [qw(worker rpc trigger pg)],
);
my %without_server = map { $_ => 1 } qw(core replicate http archive);

my (@unknown, @direction, @server, @errors, @versions, @curl, @zip, @json);
for my $path (source_files(qr{^src/.*\.[ch]pp$})) {
    my ($layer) = $path =~ m{^src/(\w+)/};
    $layer //= 'module';
    push @unknown, $path unless $may_include{$layer};
    my $line = 0;
    for my $code (code_lines($path)) {
        $line++;
        my $place = "$path:$line: $code";
        push @errors, $place if $layer !~ /^(?:pg|module)$/ && $code =~ /\b(?:ereport|elog|PG_TRY|sigsetjmp)\b/;
        push @versions, $place if $path !~ m{^src/pg/compat\.} && $code =~ /\bPG_VERSION_NUM\b/;
        push @curl, $place if $layer ne 'http' && $code =~ /\bcurl_(?:easy|multi|global|url|slist)|<curl\//;
        push @zip, $place if $layer ne 'archive' && $code =~ /\barchive_(?:read|write|entry)_|<archive(?:_entry)?\.h>/;
        push @json, $place if $path !~ m{^src/core/json} && $code =~ /#\s*include\s*[<"]rapidjson|\brapidjson::/;
        next unless $code =~ /^\s*#\s*include\s*"([^"]+)"/;
        my $included = $1;
        if (-e "src/$included") {
            my ($other) = $included =~ m{^(\w+)/};
            push @direction, $place unless grep { $_ eq ($other // '') } @{ $may_include{$layer} // [] };
        }
        elsif ($without_server{$layer}) {
            push @server, $place;
        }
    }
}

rule('every folder of src has a place in the order', @unknown);
rule('includes follow the order of the layers', @direction);
rule('core, replicate, http and archive include no header of the server', @server);
rule('errors of PostgreSQL are raised and caught in src/pg only', @errors);
rule('versions of PostgreSQL are told apart in src/pg/compat only', @versions);
rule('libcurl is used in src/http only', @curl);
rule('libarchive is used in src/archive only', @zip);
rule('RapidJSON is used in src/core/json only', @json);
finish();
