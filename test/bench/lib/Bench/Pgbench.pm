# SPDX-License-Identifier: PostgreSQL
# One run of pgbench: a script against a database, as whom, by how many clients, for how long; and what came of it.
#
#   my $run = pgbench('SELECT 1', database => $name, clients => 4, seconds => 2);
#   print "$run->{rate} per second, half of them within $run->{p50} ms\n";
package Bench::Pgbench;
use strict;
use warnings;
use Bench::Case;
use Bench::Numbers;
use Exporter 'import';

our @EXPORT = qw(as_service as_user pgbench);

my $folder = "$ENV{BENCH_RESULTS}/pgbench";
my $calls = 0;

# Session settings under which the server takes a client for a signed-in user; the gateway says the same per request.
sub as_user {
    my ($n) = @_;
    my $claims = sprintf '{"sub":"00000000-0000-4000-8000-%012d","role":"authenticated","email":"user%d@example.org"}', $n, $n;
    return "-c role=authenticated -c request.jwt.claims=$claims";
}

sub as_service { return '-c role=service_role -c request.jwt.claims={"role":"service_role"}' }

# Options: database, clients (1), seconds (a few transactions in the short form) or transactions (of each client), settings (for each session, in the form of
# PGOPTIONS), latencies (1; 0 where the log of each transaction would be too much). Returns rate (per second), count, failed
# and, with latencies, p50 and p99 in milliseconds.
sub pgbench {
    my ($script, %option) = @_;
    mkdir $folder;
    my $clients = $option{clients} // 1;
    my $latencies = $option{latencies} // 1;
    my $transactions = $option{transactions} // (Bench::Case::is_short() ? 20 : undef);
    open my $file, '>', "$folder/script.sql" or die "$folder: $!";
    print {$file} "$script;\n";
    close $file;
    my @command = ("$ENV{BENCH_BIN}/pgbench", '-n', '-M', $option{protocol} // 'prepared', '-c', $clients,
        '-j', $clients < 4 ? $clients : 4, '-f', "$folder/script.sql", '--random-seed=' . ++$calls,
        $transactions ? ('-t', $transactions) : ('-T', $option{seconds} // 1));
    push @command, '-l', "--log-prefix=$folder/log" if $latencies;
    local $ENV{PGOPTIONS} = $option{settings} // '';
    my $output = do {
        open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command, $option{database} or die "pgbench: $!";
        local $/ = undef;
        my $text = readline $pipe;
        close $pipe;
        $text;
    };
    die "pgbench failed: $output" if $? != 0;
    my %run = (output => $output);
    ($run{count}) = $output =~ /number of transactions actually processed: (\d+)/ or die "pgbench: $output";
    ($run{rate}) = $output =~ /^tps = ([\d.]+)/m or die "pgbench: $output";
    $run{failed} = $output =~ /number of failed transactions: (\d+)/ ? $1 : 0;
    @run{qw(p50 p99)} = percentiles_of_log() if $latencies;
    return \%run;
}

sub percentiles_of_log {
    my @elapsed;
    for my $path (glob "$folder/log.*") {
        open my $file, '<', $path or die "$path: $!";
        while (my $line = readline $file) {
            my $us = (split ' ', $line, 4)[2];
            # The log knows no less than a microsecond, and a clock may stand still for longer.
            push @elapsed, ($us || 1) / 1000 if $us =~ /^\d+$/;
        }
        close $file;
        unlink $path;
    }
    return (percentile(50, @elapsed), percentile(99, @elapsed));
}

1;
