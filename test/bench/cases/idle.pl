#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What the workers do when there is nothing to do: WAL, transactions, wake-ups and processor time in a minute.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Cost;
use Bench::Server;
use Bench::Session;
use Bench::StandIn;
use List::Util 'sum';
use Time::HiRes 'sleep';

my $case = Bench::Case->new('idle', 'Idle');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my ($settle, $seconds) = ($case->pick(35, 2), $case->pick(60, 4));
my $poll_s = $case->pick(5, 1);

$stand_in->reset_for_speed;
$server->begin(10, safety_poll => "${poll_s}s");
$server->queue(50);
$server->wait_until(10, 'the end of the rows', "SELECT count(*) = 50 FROM generations WHERE status = 'completed'");
$server->rows('CHECKPOINT');
my %pid_of = map { $_->[0] => $_->[1] } $server->rows('SELECT kind, pid FROM atelier.worker_state()');
$server->leave;

# The onlooker sits in another database, since its own transactions would be counted in this one.
my $onlooker = Bench::Session->open('template1');
my $query = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, xact_commit + xact_rollback
               FROM pg_stat_database WHERE datname = '$ENV{PGDATABASE}'";

sub look {
    my ($row) = $onlooker->rows($query);
    my %now = (wal => $row->[0], transactions => $row->[1]);
    for my $kind (keys %pid_of) {
        $now{cpu}{$kind} = exact_cpu_ms_of($pid_of{$kind});
        $now{wakes}{$kind} = status_of($pid_of{$kind}, 'voluntary_ctxt_switches');
    }
    return \%now;
}

# The server itself still writes a few records in the half minute after the last change.
sleep $settle;
my $before = look();
sleep $seconds;
my $after = look();
$onlooker->close;

my $polls = $seconds / $poll_s;
my %wakes = map { $_ => $after->{wakes}{$_} - $before->{wakes}{$_} } keys %pid_of;
my %cpu = map { $_ => $after->{cpu}{$_} - $before->{cpu}{$_} } keys %pid_of;
$case->row("WAL in $seconds s, bytes", product => [ $after->{wal} - $before->{wal} ], target => 'none',
    met => sub { $_[0]{product} == 0 });
$case->row("transactions in $seconds s", product => [ $after->{transactions} - $before->{transactions} ],
    reference => [$polls], target => 'no more than safety polls', met => sub { $_[0]{product} <= $_[0]{reference} + 1 });
$case->row("wake-ups of the dispatcher in $seconds s", product => [ $wakes{dispatcher} ], reference => [$polls]);
$case->row("processor time of all workers in $seconds s, ms", product => [ sum values %cpu ]);
$case->table('Per worker', [ 'worker', 'wake-ups', 'processor time, ms' ],
    map { [ $_, $wakes{$_}, sprintf '%.2f', $cpu{$_} ] } sort keys %pid_of);
$case->note("The reference is the number of safety polls, one every $poll_s s. Wake-ups are voluntary context switches.");
$case->command('SELECT xact_commit FROM pg_stat_database; SELECT pg_current_wal_insert_lsn()');
$case->finish;
