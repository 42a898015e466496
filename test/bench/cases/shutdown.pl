#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How long a fast shutdown takes while hundreds of requests wait for their answers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Server;
use Bench::StandIn;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $case = Bench::Case->new('shutdown', 'Fast shutdown');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $rows = $case->pick(500, 50);
my @seconds;

for (1 .. $case->rounds(5)) {
    $stand_in->reset(instant => JSON::PP::true);
    $server->begin($rows, max_transfers => 1000, request_timeout => '2min');
    $stand_in->reset(instant => JSON::PP::true, create_delay_ms => 60_000);
    $server->queue($rows);
    my $outstanding = $stand_in->wait_outstanding($rows, 10);
    die "only $outstanding of $rows requests are in flight" unless $outstanding >= $rows;
    $server->leave;

    # What pg_ctl -m fast does, without its pauses of 100 ms. The file is the last thing that goes.
    my ($postmaster, $start) = ($server->postmaster, time);
    kill 'INT', $postmaster or die "cannot stop the server: $!";
    while (-e "$ENV{BENCH_DATA}/postmaster.pid") {
        die 'the server does not stop' if time > $start + 60;
        sleep 0.001;
    }
    push @seconds, time - $start;
    $server->start;
}

$case->row("seconds with $rows requests in flight", product => \@seconds, target => 'below 2 s',
    met => sub { $_[0]{product} < 2 });
$case->command('pg_ctl stop -m fast');
$case->finish;
