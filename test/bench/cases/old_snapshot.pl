#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What a snapshot that is held for long costs: nothing that was written since can be vacuumed away. A stream of rows goes
# through meanwhile; what it leaves behind is counted per row, and the way to the provider at the end is put beside that at
# the beginning.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Numbers;
use Bench::Server;
use Bench::Session;
use Bench::StandIn;
use Bench::Wire;

my $case = Bench::Case->new('old_snapshot', 'An old snapshot held open', 'dispatch');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $minutes = $case->pick(10, 0);
my $portion = $case->pick(30, 2);
my $portions = $minutes ? 60 * $minutes / $portion : 2;
my %tables = ('generations' => 3, 'users' => 2, 'atelier.queue' => 2, 'atelier.attempts' => 3);
my (@waits, @claims);

$server->begin(100, poll_interval => '1s');
$server->rows('ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf()');
my $holder = Bench::Session->open;
$holder->rows('BEGIN ISOLATION LEVEL REPEATABLE READ');
$holder->rows('SELECT 1 FROM generations LIMIT 1');
my $before = $server->finished;
for (1 .. $portions) {
    my ($waits) = wire($server, $stand_in, 20 * $portion);
    push @waits, percentile(50, @$waits);
}
my $rows = 20 * $portion * $portions;
$server->wait_finished($before, $rows, 60);
$server->rows('SELECT pg_stat_clear_snapshot()');
for my $table (sort keys %tables) {
    # Statistics come a little late.
    my $dead = $server->value("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = '$table'::regclass");
    $case->row("$table: dead rows per generation", product => [ $dead / $rows ], target => "at most $tables{$table}",
        met => sub { $_[0]{product} <= $tables{$table} });
}
$holder->rows('COMMIT');
$holder->close;
$case->row('commit to request, p50 of the last portion, ms, beside the first', product => [ $waits[-1] ], reference => [ $waits[0] ]);
$case->note("$rows rows of 100 users, 20 in a second, autovacuum on.");
$case->command('BEGIN ISOLATION LEVEL REPEATABLE READ');
$case->finish;
