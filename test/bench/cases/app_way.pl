#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How fast queued rows get through, beside the app's own way: a loop that sends one row after the other, each in transactions of
# its own. Every round runs both over as many rows of the same tables.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Server;
use Bench::StandIn;
use JSON::PP;

my $case = Bench::Case->new('app_way', "Dispatch beside the app's loop", 'dispatch');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $rows = $case->pick(5_000, 100);
my $users = $case->pick(1_000, 20);
my (@product, @loop);

# The rows are the app's: pending, so that atelier does not take them.
sub run_loop {
    $server->rows("SELECT bench.queue_rows($rows, 'sim/ok', 'loop', 'pending')");
    my @command = ($ENV{BENCH_APP_WAY}, '--url', "$ENV{BENCH_STAND_IN}/v1/predictions", '--token',
        $stand_in->token, '--database', 'dbname=postgres options=-crole=service_role');
    open my $output, '-|', @command or die "cannot run app-way: $!";
    my $answer = decode_json(join '', readline $output);
    close $output or die 'app-way failed';
    $server->expect_completed($rows);
    return $answer->{per_second};
}

$stand_in->reset_for_speed;
$server->begin($users, max_transfers => 128);
for my $n (1 .. $case->rounds(3)) {
    for my $way ($n % 2 ? qw(product loop) : qw(loop product)) {
        $stand_in->reset_for_speed;
        push @{ $way eq 'product' ? \@product : \@loop }, $way eq 'product' ? $server->rate_of($rows) : run_loop();
        $server->empty($users);
    }
}

$case->row("jobs per second, beside the app's loop", product => \@product, reference => \@loop, ratio_at_least => 5);
$case->note("$rows rows. The loop knows its rows, writes each before and after its request, logs and charges it; the provider answers at once.");
$case->command('app-way --url http://127.0.0.1:PORT/v1/predictions --token TOKEN --database CONNINFO');
$case->finish;
