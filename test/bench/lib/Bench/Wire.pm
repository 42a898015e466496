# SPDX-License-Identifier: PostgreSQL
# How long after the commit of a queued row its request reaches the provider: pgbench inserts 20 rows per second and logs
# when each commit had returned, the stand-in says when each request had arrived. Both read the same clock.
#
#   my ($waits, $own) = wire($server, $stand_in, 400);   # milliseconds, each as many as there were inserts
package Bench::Wire;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(wire wire_command);

sub wire_command { return 'pgbench -n -M prepared -R 20 -c 1 -l -f sql/insert_one.sql -t' }

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

# The n-th transaction of the log is the n-th number of the sequence, since one client takes them all. `prepare` puts on the
# way what is to be there meanwhile.
sub wire {
    my ($server, $stand_in, $count, $prepare) = @_;
    $stand_in->reset;
    my $first = 1 + $server->value("SELECT nextval('bench.wire')");
    $prepare->() if $prepare;
    my $prefix = "$ENV{BENCH_RESULTS}/pgbench";
    my $status = system("$ENV{BENCH_BIN}/pgbench -n -M prepared -R 20 -c 1 -l --log-prefix=$prefix"
          . " -f $ENV{BENCH_SOURCES}/sql/insert_one.sql -t $count >$prefix.out 2>&1");
    unlink "$prefix.out";
    die 'pgbench failed' if $status != 0;
    my @commits = read_log($prefix);
    die "pgbench logged " . @commits . " of $count transactions" unless @commits == $count;
    $server->wait_until(30, 'the end of all rows',
        "SELECT NOT EXISTS (SELECT FROM generations WHERE completed_at IS NULL AND prompt LIKE 'wire %')");
    my %arrival = map { $_->{prompt} => $_->{at_us} } $stand_in->arrivals(100000);
    my (@waits, @own);
    for my $n (0 .. $#commits) {
        my $at = $arrival{ 'wire ' . ($first + $n) } // die "transaction $n never reached the provider";
        push @waits, ($at - $commits[$n]{end}) / 1000;
        push @own, $commits[$n]{own} / 1000;
    }
    return (\@waits, \@own);
}

1;
