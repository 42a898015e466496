#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Whether the dispatcher holds back vacuum while it waits for answers: its backend_xmin, looked at again and again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Server;
use Bench::StandIn;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $case = Bench::Case->new('snapshot', 'Snapshots while requests are in flight');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $rows = $case->pick(200, 50);
my $seconds = $case->pick(5, 1);

$server->begin($rows, max_transfers => $rows);
$stand_in->reset(instant => JSON::PP::true, create_delay_ms => 1000 * ($seconds + 6));
my $before = $server->finished;
$server->queue($rows);
my $outstanding = $stand_in->wait_outstanding($rows, 3);
die "only $outstanding of $rows requests are in flight" unless $outstanding >= $rows;
# The dispatcher says so a little later than the provider knows.
$server->wait_until(2, 'the dispatcher to count its requests',
    "SELECT EXISTS (SELECT FROM atelier.worker_state() WHERE kind = 'dispatcher' AND in_flight >= $rows)");

my ($samples, $held, $until) = (0, 0, time + $seconds);
while (time < $until) {
    my ($row) = $server->rows(<<'SQL');
SELECT a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL OR a.xact_start IS NOT NULL, w.in_flight
  FROM atelier.worker_state() w JOIN pg_stat_activity a ON a.pid = w.pid WHERE w.kind = 'dispatcher'
SQL
    die 'the requests are no longer in flight' unless $row->[1] >= $rows;
    $samples++;
    $held++ if $row->[0] eq 't';
    sleep 0.005;
}
$server->wait_finished($before, $rows, 30);

$case->row("samples in $seconds s with $rows requests in flight", product => [$samples]);
$case->row('samples with a snapshot, a transaction id or an open transaction', product => [$held], target => 'none',
    met => sub { $_[0]{product} == 0 });
$case->command('SELECT backend_xmin, backend_xid, xact_start FROM pg_stat_activity');
$case->finish;
