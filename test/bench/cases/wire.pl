#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How long after the commit of a queued row its request reaches the provider: pgbench inserts 20 rows per second and logs
# when each commit had returned, the stand-in says when each request had arrived. Both read the same clock.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Numbers;
use Bench::Server;
use Bench::StandIn;
use Bench::Wire;

my $case = Bench::Case->new('wire', 'Commit to request on the wire, 20 inserts per second, fsync on');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $slow_s = $case->pick(8, 2);
my $inserts = 20 * $case->pick(28, 2);
my $many = $case->pick(1000, 20);

# Other requests that take their time, on their way before the inserts begin. None of the round before is left.
sub send_slow {
    my ($count) = @_;
    $server->rows("DELETE FROM generations WHERE completed_at IS NOT NULL");
    $server->queue($count, model => "sim/slow-${slow_s}s", prompt => 'slow');
    my $outstanding = $stand_in->wait_outstanding($count, 5);
    die "only $outstanding of $count slow requests are on their way" unless $outstanding >= $count;
    return;
}

# Rounds of each kind, by how many other requests are out: p50 and p99 of the waits and of the inserts themselves, in
# milliseconds.
my %kinds = (0 => {}, 1 => {}, $many => {});
$server->begin(100, poll_interval => '1s', max_transfers => 2 * $many);
for (1 .. $case->rounds(3)) {
    note($kinds{0}, wire($server, $stand_in, $inserts));
    for my $others (1, $many) {
        my (@waits, @own);
        # The slow requests answer after so many seconds, so each portion covers fewer inserts than that.
        my $portion = 20 * ($slow_s - 1);
        for (my $done = 0; $done < $inserts; $done += $portion) {
            my ($some, $some_own) = wire($server, $stand_in, $portion, sub { send_slow($others) });
            push @waits, @$some;
            push @own, @$some_own;
            $server->wait_until(60, 'the end of the slow ones', 'SELECT NOT EXISTS (SELECT FROM generations WHERE completed_at IS NULL)');
        }
        note($kinds{$others}, \@waits, \@own);
    }
}

sub note {
    my ($kind, $waits, $own) = @_;
    push @{ $kind->{p50} }, percentile(50, @$waits);
    push @{ $kind->{p99} }, percentile(99, @$waits);
    push @{ $kind->{own} }, percentile(50, @$own);
    push @{ $kind->{own99} }, percentile(99, @$own);
    return;
}

for my $others (sort { $a <=> $b } keys %kinds) {
    my $kind = $kinds{$others};
    my $when = !$others ? '' : $others == 1 ? ", while another request takes $slow_s s" : ", while $others others take $slow_s s each";
    $case->row("p50, ms$when", product => $kind->{p50}, reference => $kind->{own},
        target => 'at most 2 ms or 3 times the insert',
        met => sub { $_[0]{product} <= 2 || $_[0]{product} <= 3 * $_[0]{reference} });
    $case->row("p99, ms$when", product => $kind->{p99}, reference => $kind->{own},
        target => 'at most 10 ms or 20 times the insert',
        met => sub { $_[0]{product} <= 10 || $_[0]{product} <= 20 * $_[0]{reference} });
    $case->row("the insert itself, p99, ms$when", product => $kind->{own99});
}
$case->note("The reference is the median time that the insert itself took in the same run (statement and commit, as its"
      . " client sees it). The wait begins when the client has its commit, so it can be negative.");
$case->note("$inserts inserts per round and kind; the rows are watched to their end meanwhile.");
$case->command(wire_command() . " $inserts");
$case->finish;
