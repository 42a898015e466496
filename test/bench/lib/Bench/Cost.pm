# SPDX-License-Identifier: PostgreSQL
# What the server spends: processor time of all its processes, as the kernel counts it, and bytes of WAL.
package Bench::Cost;
use strict;
use warnings;
use Exporter 'import';
use List::Util 'sum0';
use POSIX ();

our @EXPORT = qw(cpu_ms_of exact_cpu_ms_of spent status_of);

my $tick_ms = 1000 / POSIX::sysconf(POSIX::_SC_CLK_TCK());

# The fields of /proc/PID/stat that follow the name of the program: parent, then user, system and the two of children that
# were waited for, in milliseconds.
sub stat_of {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return;
    my $line = readline $file // return;
    my @fields = split ' ', substr $line, rindex($line, ')') + 2;
    return { parent => $fields[1], user => $fields[11] * $tick_ms, system => $fields[12] * $tick_ms,
        all => sum0(@fields[11 .. 14]) * $tick_ms };
}

# User and system time of one process.
sub cpu_ms_of {
    my ($pid) = @_;
    my $stat = stat_of($pid) or die "process $pid is gone";
    return @$stat{qw(user system)};
}

# The same in one number and in nanoseconds, for processes that hardly run.
sub exact_cpu_ms_of {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/schedstat" or die "process $pid is gone";
    return (split ' ', readline $file)[0] / 1e6;
}

# The postmaster, its children, and through the postmaster those of its children that have ended.
sub cpu_ms_of_server {
    my ($postmaster) = @_;
    my $sum = stat_of($postmaster)->{all};
    opendir my $folder, '/proc' or die "/proc: $!";
    for my $pid (grep {/^\d+$/} readdir $folder) {
        my $stat = stat_of($pid) or next;
        $sum += $stat->{all} if $stat->{parent} == $postmaster;
    }
    return $sum;
}

# A number from /proc/PID/status, such as RssAnon (kB) or voluntary_ctxt_switches.
sub status_of {
    my ($pid, $name) = @_;
    open my $file, '<', "/proc/$pid/status" or die "process $pid is gone";
    while (my $line = readline $file) {
        return $1 if $line =~ /^\Q$name\E:\s+(\d+)/;
    }
    die "/proc/$pid/status names no $name";
}

# Runs the work and returns what it cost: cpu_ms and wal (bytes), and where the WAL begins and ends.
sub spent {
    my ($server, $work) = @_;
    my $postmaster = $server->postmaster;
    my $from = $server->value('SELECT pg_current_wal_insert_lsn()');
    my $cpu_ms = cpu_ms_of_server($postmaster);
    my $result = $work->();
    $cpu_ms = cpu_ms_of_server($postmaster) - $cpu_ms;
    my $to = $server->value('SELECT pg_current_wal_insert_lsn()');
    my $bytes = $server->value("SELECT pg_wal_lsn_diff('$to', '$from')::bigint");
    return { cpu_ms => $cpu_ms, wal => $bytes, from => $from, to => $to, result => $result };
}

1;
