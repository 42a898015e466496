#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How many answers the dispatcher can wait for at once: a provider that takes a second for each, and more rows than fit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Server;
use Bench::StandIn;
use JSON::PP;
use Time::HiRes 'time';

my $case = Bench::Case->new('outstanding', 'Answers outstanding at once, provider delay 1 s');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $most = $case->pick(1000, 100);
my $delay_ms = $case->pick(1000, 500);
my $rows = 3 * $most;
my (@peaks, @seconds);

$server->begin($most, max_transfers => $most);
for (1 .. $case->rounds(3)) {
    $stand_in->reset(instant => JSON::PP::true, create_delay_ms => $delay_ms);
    my ($before, $start) = ($server->finished, time);
    $server->queue($rows);
    push @seconds, $server->wait_finished($before, $rows, 60) - $start;
    $server->expect_completed($rows);
    push @peaks, $stand_in->stats->{requests}{peak_outstanding};
    $server->empty($most);
}

$case->row('outstanding requests at the provider', product => \@peaks, target => "at least $most",
    met => sub { $_[0]{product} >= $most });
$case->row("seconds for $rows rows, insert included", product => \@seconds,
    reference => [ map { $rows / $most * $delay_ms / 1000 } @seconds ]);
$case->note('The reference of the second line is the time that the provider alone takes.');
$case->command("ALTER SYSTEM SET atelier.max_transfers = $most");
$case->finish;
