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

my $case = Bench::Case->new('wire', 'Commit to request on the wire, 20 inserts per second, fsync on');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $slow_s = $case->pick(8, 2);
my $inserts = 20 * $case->pick(28, 2);
my $command = 'pgbench -n -M prepared -R 20 -c 1 -l -f sql/insert_one.sql -t';

# One transaction per line: client, number, microseconds since it was due, script, when it ended (s and us), lag.
sub read_log {
    my ($prefix) = @_;
    my @commits;
    for my $path (glob "$prefix.*") {
        open my $file, '<', $path or die "$path: $!";
        while (my $line = readline $file) {
            my ($elapsed, $s, $us, $lag) = (split ' ', $line)[2, 4, 5, 6];
            push @commits, { end => $s * 1e6 + $us, own => $elapsed - $lag };
        }
        close $file;
        unlink $path;
    }
    return sort { $a->{end} <=> $b->{end} } @commits;
}

# Runs some inserts; the n-th transaction of the log is the n-th number of the sequence, since one client takes them all.
sub insert {
    my ($count) = @_;
    $stand_in->reset;
    my $first = 1 + $server->value("SELECT nextval('bench.wire')");
    yield_slow() if @_ > 1;
    my $prefix = "$ENV{BENCH_RESULTS}/pgbench";
    my $status = system("$ENV{BENCH_BIN}/pgbench -n -M prepared -R 20 -c 1 -l --log-prefix=$prefix"
          . " -f $ENV{BENCH_SOURCES}/sql/insert_one.sql -t $count >$prefix.out 2>&1");
    unlink "$prefix.out";
    die 'pgbench failed' if $status != 0;
    my @commits = read_log($prefix);
    die "pgbench logged " . @commits . " of $count transactions" unless @commits == $count;
    $server->wait_until(30, 'the end of all rows', "SELECT NOT EXISTS (SELECT FROM generations WHERE completed_at IS NULL)");
    my %arrival = map { $_->{prompt} => $_->{at_us} } $stand_in->arrivals(100000);
    my (@waits, @own);
    for my $n (0 .. $#commits) {
        my $at = $arrival{ 'wire ' . ($first + $n) } // die "transaction $n never reached the provider";
        push @waits, ($at - $commits[$n]{end}) / 1000;
        push @own, $commits[$n]{own} / 1000;
    }
    return (\@waits, \@own);
}

# Another request that takes its time, on its way before the inserts begin.
sub yield_slow {
    $server->queue(1, model => "sim/slow-${slow_s}s", prompt => 'slow');
    die 'the slow request is not on its way' unless $stand_in->wait_outstanding(1, 5);
    return;
}

# Rounds of each kind: p50 and p99 of the waits and of the inserts themselves, in milliseconds.
my %kinds = (quiet => {}, slow => {});
$server->begin(100, poll_interval => '1s');
for (1 .. $case->rounds(3)) {
    my ($waits, $own) = insert($inserts);
    note($kinds{quiet}, $waits, $own);
    my (@waits, @own);
    # The slow request answers after so many seconds, so each one covers fewer inserts than that.
    my $portion = 20 * ($slow_s - 1);
    for (my $done = 0; $done < $inserts; $done += $portion) {
        my ($some, $some_own) = insert($portion, 'slow');
        push @waits, @$some;
        push @own, @$some_own;
    }
    note($kinds{slow}, \@waits, \@own);
}

sub note {
    my ($kind, $waits, $own) = @_;
    push @{ $kind->{p50} }, percentile(50, @$waits);
    push @{ $kind->{p99} }, percentile(99, @$waits);
    push @{ $kind->{own} }, percentile(50, @$own);
    push @{ $kind->{own99} }, percentile(99, @$own);
    return;
}

for my $name (qw(quiet slow)) {
    my $kind = $kinds{$name};
    my $when = $name eq 'quiet' ? '' : ", while another request takes $slow_s s";
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
$case->command("$command $inserts");
$case->finish;
