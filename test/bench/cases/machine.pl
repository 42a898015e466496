#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What this machine can do at best: the cheapest statement, a row by its primary key, a commit of one row. The other cases
# measure theirs anew in their own rounds.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Pgbench;

my $case = Bench::Case->new('machine', 'Limits of the machine', 'install');
my $database = main_data();
my $seconds = 2;
my ($rows) = $database =~ /(\d+)/;
my %script = (
    'SELECT 1' => 'SELECT 1',
    'row by primary key' => "\\set n random(1, $rows)\nSELECT * FROM generations WHERE id = md5('generation ' || :n)::uuid",
    'commit of one row, fsync on' => "\\set n random(1, 10)\nUPDATE original.replicate_tokens SET error_count = 0 WHERE id = :n");
my @names = ('SELECT 1', 'row by primary key', 'commit of one row, fsync on');
my (%p50, %rate);

for (1 .. $case->rounds(3)) {
    for my $name (@names) {
        my $one = pgbench($script{$name}, database => $database, seconds => $seconds);
        my $many = pgbench($script{$name}, database => $database, seconds => $seconds, clients => 8, latencies => 0);
        push @{ $p50{$name} }, $one->{p50};
        push @{ $rate{$name} }, $many->{rate};
    }
}

for my $name (@names) {
    $case->row("$name: p50, ms", product => $p50{$name});
    $case->row("$name: per second, 8 clients", product => $rate{$name});
}
$case->command('pgbench -n -M prepared -c 1');
$case->finish;
