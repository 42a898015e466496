#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Whether the dispatcher keeps its size: its private memory after so many requests, and after six times as many.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Cost;
use Bench::Server;
use Bench::StandIn;

my $case = Bench::Case->new('memory', 'Memory of the dispatcher');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $portion = $case->pick(20_000, 400);
my $users = $case->pick(4_000, 80);

$stand_in->reset_for_speed;
$server->begin($users);
my $pid = $server->worker_pid('dispatcher');
my @sizes;
for (1 .. 6) {
    my $before = $server->finished;
    $server->queue($portion);
    $server->wait_finished($before, $portion, 300);
    $server->expect_completed($portion);
    push @sizes, status_of($pid, 'RssAnon') / 1024;
    $server->empty($users);
    $stand_in->reset_for_speed;
}
die 'the dispatcher was started anew' unless $pid == $server->worker_pid('dispatcher');

my ($first, $last, $more) = ($sizes[0], $sizes[-1], 5 * $portion);
$case->row("private memory after $portion requests, MB", product => [$first], target => 'below 64 MB',
    met => sub { $_[0]{product} < 64 });
$case->row("private memory after " . 6 * $portion . " requests, MB", product => [$last], target => 'below 64 MB',
    met => sub { $_[0]{product} < 64 });
$case->row('growth per 100,000 requests, MB', product => [ ($last - $first) * 100_000 / $more ],
    target => 'below 1 MB', met => sub { $_[0]{product} < 1 });
$case->note('RssAnon of the process, in MB after each of six portions: ' . join(', ', map { sprintf '%.2f', $_ } @sizes));
$case->command('grep RssAnon /proc/$DISPATCHER/status');
$case->finish;
