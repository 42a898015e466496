#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How fast queued rows get through, and what each costs. Every round runs the plain libcurl program, the product, and the
# plain-SQL writer of the rows that the product left, one after the other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Cost;
use Bench::Numbers;
use Bench::PlainCurl;
use Bench::Server;
use Bench::StandIn;
use Bench::Wal;
use Bench::Writer;
use Time::HiRes 'time';

my $case = Bench::Case->new('dispatch', 'Dispatch rate and cost per job');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $rows = $case->pick(20_000, 500);
my $users = $case->pick(4_000, 100);
my $parallel = 128;
my @rounds;

# Queues while dispatch is paused, then lets go. Returns the rate and what both halves cost.
sub run_product {
    my ($writer) = @_;
    $server->pause;
    my $insert = spent($server, sub { $server->queue($rows) });
    $server->rows('ANALYZE');
    $writer->keep_first;
    $server->rows('CHECKPOINT');

    my ($pid, $before) = ($server->worker_pid('dispatcher'), $server->finished);
    my @cpu = cpu_ms_of($pid);
    my $work = spent($server, sub {
        my $start = time;
        $server->rows('SELECT atelier.resume()');
        return $server->wait_finished($before, $rows, 600) - $start;
    });
    my @after = cpu_ms_of($pid);
    $server->expect_completed($rows);
    die 'the dispatcher was started anew' unless $pid == $server->worker_pid('dispatcher');
    return { rate => $rows / $work->{result}, insert => $insert, work => $work,
        user => $after[0] - $cpu[0], system => $after[1] - $cpu[1] };
}

sub run_curl {
    $stand_in->reset_for_speed;
    return plain_curl($rows, $parallel);
}

$stand_in->reset_for_speed;
$server->begin($users, max_transfers => $parallel);
my $writer = Bench::Writer->new($server);
for my $n (1 .. $case->rounds(5)) {
    my $round = {};
    # The two take turns in going first.
    $round->{curl} = run_curl() if $n % 2;
    $stand_in->reset_for_speed;
    $round->{product} = run_product($writer);
    $round->{curl} //= run_curl();
    if ($n == 1) {
        $round->{wal} = wal_by_relation($server, @{ $round->{product}{$_} }{qw(from to)}) for 'work';
        $round->{insert_wal} = wal_by_relation($server, @{ $round->{product}{insert} }{qw(from to)});
    }
    $writer->keep_final;
    for my $way (qw(once twice)) {
        $server->empty($users);
        $round->{$way} = $writer->write($way);
        $round->{"${way}_wal"} = wal_by_relation($server, @{ $round->{$way} }{qw(from to)}) if $n == 1;
    }
    $server->empty($users);
    push @rounds, $round;
}

# Per job: microseconds of processor time, bytes of WAL.
sub cpu_of { my @parts = @_; return sum_of('cpu_ms', @parts) * 1000 / $rows }
sub wal_of { my @parts = @_; return sum_of('wal', @parts) / $rows }

sub sum_of {
    my ($what, @parts) = @_;
    my $sum = 0;
    $sum += $_->{$what} for @parts;
    return $sum;
}

sub of_rounds { my ($value) = @_; return [ map { $value->($_) } @rounds ] }

sub product_parts { return @{ $_[0]{product} }{qw(insert work)} }

$case->row('jobs per second, beside plain libcurl', product => of_rounds(sub { $_[0]{product}{rate} }),
    reference => of_rounds(sub { $_[0]{curl}{per_second} }), target => 'at least 0.20 of the reference',
    met => sub { $_[0]{ratio} >= 0.20 });
$case->row('processor time per job, us, beside the plain-SQL writer',
    product => of_rounds(sub { cpu_of(product_parts($_[0])) }), reference => of_rounds(sub { cpu_of($_[0]{once}) }),
    target => 'at most 2 times', met => sub { $_[0]{ratio} <= 2 });
$case->row('WAL per job, bytes, beside the plain-SQL writer',
    product => of_rounds(sub { wal_of(product_parts($_[0])) }), reference => of_rounds(sub { wal_of($_[0]{once}) }),
    target => 'at most 1.15 times', met => sub { $_[0]{ratio} <= 1.15 });
$case->row('processor time per job, us, beside a writer in two steps',
    product => of_rounds(sub { cpu_of(product_parts($_[0])) }), reference => of_rounds(sub { cpu_of($_[0]{twice}) }));
$case->row('processor time per job, us, beside a writer in two steps and plain libcurl',
    product => of_rounds(sub { cpu_of(product_parts($_[0])) }),
    reference => of_rounds(sub { cpu_of($_[0]{twice}) + $_[0]{curl}{cpu_us} }));
$case->row('WAL per job, bytes, beside a writer in two steps',
    product => of_rounds(sub { wal_of(product_parts($_[0])) }), reference => of_rounds(sub { wal_of($_[0]{twice}) }));

sub cpu_line {
    my ($name, $value) = @_;
    return [ $name, median(map { $value->($_->{product}) * 1000 / $rows } @rounds) ];
}
$case->table('Processor time per job, us, medians', [ 'where', 'us per job' ],
    cpu_line('the insert, all processes', sub { $_[0]{insert}{cpu_ms} }),
    cpu_line('dispatcher, user', sub { $_[0]{user} }),
    cpu_line('dispatcher, system', sub { $_[0]{system} }),
    cpu_line('other processes meanwhile', sub { $_[0]{work}{cpu_ms} - $_[0]{user} - $_[0]{system} }));

my $first = $rounds[0];
my @columns = @$first{qw(insert_wal wal once_wal twice_wal)};
my %names = map { $_ => 1 } map { keys %$_ } @columns;
my %total = map { my $name = $_; $name => ($columns[0]{$name} // 0) + ($columns[1]{$name} // 0) } keys %names;
$case->table('WAL per job by table and index, bytes, first round',
    [ 'relation', 'product: insert', 'product: dispatch', 'plain writer', 'writer in two steps' ],
    map { my $name = $_; [ $name, map { ($_->{$name} // 0) / $rows } @columns ] }
      sort { $total{$b} <=> $total{$a} || $a cmp $b } keys %names);

$case->note("$rows rows of $users users, queued in one statement while dispatch is paused, then resumed; at most $parallel"
      . ' requests at once on both sides. The rate counts from atelier.resume() to the end of the last attempt.');
$case->note('The plain-SQL writer inserts the final rows (generations, attempts, api_logs) and charges the users,'
      . ' 128 rows to a commit, with our triggers off and foreign keys on; the rows are compared afterwards. The writer in'
      . ' two steps inserts each row as queued first, commits, and updates it: what any queue in a table has to do. It is'
      . ' here for comparison and has no target. Plain libcurl is counted beside it with the processor time of its own process.');
$case->note('All processes of the server are counted, the insert too, fsync on, full_page_writes off, autovacuum off; the'
      . ' tables are emptied and vacuumed before each part and analysed after the insert, which is counted nowhere. WAL by'
      . ' relation is the length of records, without their padding.');
$case->command("INSERT INTO generations ...; SELECT atelier.resume()");
$case->command(join ' ', plain_curl_command('http://127.0.0.1:PORT/v1/predictions', $rows, $parallel));
$case->finish;
