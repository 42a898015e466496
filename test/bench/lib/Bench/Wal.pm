# SPDX-License-Identifier: PostgreSQL
# Which tables and indexes a stretch of WAL is about: pg_waldump's records, added up by the file that each one names first.
package Bench::Wal;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(wal_by_relation);

# Bytes per relation between two positions; what names no relation is counted under its resource manager. The names are
# read now, so no table may have been rewritten since.
sub wal_by_relation {
    my ($server, $from, $to) = @_;
    my %name_of = map { $_->[0] => $_->[1] } $server->rows(<<'SQL');
SELECT pg_relation_filenode(c.oid),
       coalesce(t.oid::regclass::text || ': index ' || c.relname, c.oid::regclass::text)
  FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
 WHERE pg_relation_filenode(c.oid) IS NOT NULL
SQL
    my %bytes;
    my @command = ("$ENV{BENCH_BIN}/pg_waldump", '-p', "$ENV{BENCH_DATA}/pg_wal", '-s', $from, '-e', $to);
    open my $records, '-|', @command or die "cannot run pg_waldump: $!";
    while (my $record = readline $records) {
        my ($manager, $length) = $record =~ m{^rmgr: (\S+)\s+len \(rec/tot\):\s*\d+/\s*(\d+)} or next;
        my ($file) = $record =~ m{blkref #0: rel \d+/\d+/(\d+)};
        my $name = !defined $file ? "($manager)" : $name_of{$file} // '(catalog and others)';
        $name = '(catalog and others)' if $name =~ /^pg_/;
        $bytes{$name} += $length;
    }
    close $records or die 'pg_waldump failed';
    return \%bytes;
}

1;
