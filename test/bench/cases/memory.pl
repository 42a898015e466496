#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Whether the dispatcher keeps its size: its private memory after each of seven portions of requests. What it has reached
# after the first two is what it needs for its work; growth is counted from there on.
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
for (1 .. 7) {
    my $before = $server->finished;
    $server->queue($portion);
    $server->wait_finished($before, $portion, 300);
    $server->expect_completed($portion);
    push @sizes, status_of($pid, 'RssAnon') / 1024;
    $server->empty($users);
    $stand_in->reset_for_speed;
}
die 'the dispatcher was started anew' unless $pid == $server->worker_pid('dispatcher');

my ($settled, $last, $more) = ($sizes[1], $sizes[-1], 5 * $portion);
for my $place (1, $#sizes) {
    $case->row('private memory after ' . ($place + 1) * $portion . ' requests, MB', product => [ $sizes[$place] ],
        target => 'below 64 MB', met => sub { $_[0]{product} < 64 });
}
$case->row('growth per 100,000 requests, MB', product => [ ($last - $settled) * 100_000 / $more ],
    target => 'below 1 MB', met => sub { $_[0]{product} < 1 });
$case->note("RssAnon of the process, in MB after each portion of $portion: " . join(', ', map { sprintf '%.2f', $_ } @sizes));
$case->command('grep RssAnon /proc/$DISPATCHER/status');
$case->finish;
