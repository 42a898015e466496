#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Counts of users and workspaces of every kind, over the sizes of the table, beside a row by its primary key.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Numbers;
use Bench::Pgbench;
use Bench::Plan;

my $case = Bench::Case->new('counts', 'Counts of a user and of a workspace', 'counts');
my @sizes = data_sizes();
my $seconds = 2;
my %arguments = (
    'heavy user' => 'get_generation_counts(' . user_id(heavy()) . ')',
    'middling user' => 'get_generation_counts(' . user_id(500) . ')',
    'large workspace' => 'get_workspace_generation_counts(' . workspace_of(heavy()) . ', NULL)',
    'middling workspace' => 'get_workspace_generation_counts(' . workspace_of(300) . ', NULL)');
my @names = ('heavy user', 'middling user', 'large workspace', 'middling workspace');
my (%line, @originals);

sub user_id { return sprintf "'00000000-0000-4000-8000-%012d'", $_[0] }
sub workspace_of { return sprintf "'00000000-0000-4000-8001-%012d'", 1 + $_[0] % 500 }

for my $size (@sizes) {
    my $database = data_database($size);
    my (%p50, @lookup);
    my @run = (database => $database, settings => as_service());
    for (1 .. $case->rounds(5)) {
        push @lookup, pgbench("\\set n random(1, $size)\nSELECT * FROM generations WHERE id = md5('generation ' || :n)::uuid",
            @run, seconds => $seconds)->{p50};
        push @{ $p50{$_} }, pgbench("SELECT * FROM $arguments{$_}", @run, seconds => $seconds)->{p50} for @names;
    }
    for my $name (@names) {
        my ($ours, $theirs) = ("SELECT * FROM $arguments{$name}", "SELECT * FROM original.$arguments{$name}");
        my $original = pgbench($theirs, @run, transactions => 5)->{p50};
        $case->row("$size rows, $name: p50, ms, beside a lookup", product => $p50{$name}, reference => \@lookup,
            ratio_at_most => 3);
        $case->row("$size rows, $name: buffers", product => [ plan_of($ours, database => $database)->{buffers} ],
            reference => [ plan_of($theirs, database => $database)->{buffers} ], at_most => 30);
        push @{ $line{"$name, product"} }, median(@{ $p50{$name} });
        push @{ $line{"$name, original"} }, $original;
    }
    push @{ $line{'primary key'} }, median(@lookup);
}

$case->series('p50 of one call, ms', 'rows of generations', \@sizes, map { $_ => $line{$_} }
      'primary key', map { ("$_, product", "$_, original") } 'heavy user', 'large workspace');
$case->table("p50 of one call, ms: the original", [ 'rows', @names ],
    map { my $i = $_; [ $sizes[$i], map { $line{"$_, original"}[$i] } @names ] } 0 .. $#sizes);
$case->note('The reference of a time is a random row by its primary key in the same rounds, that of buffers is the original.');
$case->command('SELECT * FROM get_generation_counts(user)');
$case->finish;
