#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# get_next_replicate_token() by 1 to 64 clients, beside SELECT 1 of as many.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Cost;
use Bench::Data;
use Bench::Numbers;
use Bench::Pgbench;
use Bench::Server;
use List::Util qw(max min sum0);

my $case = Bench::Case->new('tokens', 'The next token', 'tokens');
my $database = data_database((data_sizes())[0]);
my $server = Bench::Server->new($database);
my @clients = $case->pick('', 'short') ? (1, 8) : (1, 8, 32, 64);
my $seconds = $case->pick(4, 1);
my $minute = $case->pick(60, 1);
my @schemas = ('', 'original.');
my (%time, %empty, %wal, @spread, @originals_spread);

# The ring is there as long as a keeper writes down what was taken. Nothing is sent.
$server->rows('SELECT atelier.pause()');
$server->change('atelier.databases' => $database);
$server->rows('SELECT pg_reload_conf()');
my $keeper = "EXISTS (SELECT FROM atelier.worker_state() WHERE kind = 'keeper')";
$server->wait_until(30, 'a keeper', "SELECT $keeper");

$server->rows('DROP TABLE IF EXISTS bench.empty; CREATE UNLOGGED TABLE bench.empty (); GRANT INSERT ON bench.empty TO service_role');

sub script {
    my ($schema) = @_;
    return "SELECT count(*) AS found FROM ${schema}get_next_replicate_token() \\gset\n"
      . "\\if :found = 0\nINSERT INTO bench.empty DEFAULT VALUES;\n\\endif\n";
}

sub flush {
    $server->rows("DO \$\$ BEGIN IF to_regprocedure('atelier.flush_tokens()') IS NOT NULL THEN PERFORM atelier.flush_tokens(); END IF; END \$\$");
    return;
}

# The difference between the token that was taken most and the one taken least.
sub spread_of {
    my ($schema, $work) = @_;
    my $query = "SELECT id, request_count FROM ${schema}replicate_tokens";
    my %before = map { $_->[0] => $_->[1] } $server->rows($query);
    $work->();
    flush();
    my @taken = map { $_->[1] - $before{ $_->[0] } } $server->rows($query);
    return max(@taken) - min(@taken);
}

# Many clients of few processors mostly wait for each other, and pgbench for them: there the time of one call is the mean.
sub time_of {
    my ($run, $clients) = @_;
    return $clients == 1 ? $run->{p50} : 1000 * $clients / $run->{rate};
}

my @run = (database => $database, settings => as_service());
for (1 .. $case->rounds(3)) {
    for my $clients (@clients) {
        push @{ $time{one}{$clients} }, time_of(pgbench('SELECT 1', @run, clients => $clients, seconds => $seconds), $clients);
        for my $schema (@schemas) {
            $server->rows('TRUNCATE bench.empty');
            my $spent = spent($server, sub {
                pgbench("SELECT * FROM ${schema}get_next_replicate_token()", @run, clients => $clients, seconds => $seconds);
            });
            push @{ $time{$schema}{$clients} }, time_of($spent->{result}, $clients);
            push @{ $wal{$schema}{$clients} }, $spent->{wal} / $spent->{result}{count};
            my $found;
            my $spread = spread_of($schema, sub {
                $found = pgbench(script($schema), @run, clients => $clients, transactions => $case->pick(200, 20), latencies => 0);
            });
            push @{ $schema ? \@originals_spread : \@spread }, $spread;
            push @{ $empty{$schema}{$clients} }, $server->value('SELECT count(*) FROM bench.empty') * 100 / $found->{count};
        }
    }
}
my %growth;
for my $schema (@schemas) {
    $server->rows("VACUUM FULL ${schema}replicate_tokens");
    my $size = "SELECT pg_total_relation_size('${schema}replicate_tokens')";
    my $before = $server->value($size);
    pgbench("SELECT * FROM ${schema}get_next_replicate_token()", @run, clients => $clients[1], seconds => $minute, latencies => 0);
    flush();
    $growth{$schema} = ($server->value($size) - $before) / 1024;
}

for my $clients (@clients) {
    my $by = $clients == 1 ? '1 client' : "$clients clients";
    my $what = $clients == 1 ? 'p50' : 'mean';
    $case->row("$by: $what, ms, beside SELECT 1", product => $time{''}{$clients}, reference => $time{one}{$clients}, ratio_at_most => 2);
    $case->row("$by: empty answers, percent", product => $empty{''}{$clients}, reference => $empty{'original.'}{$clients},
        target => 'none', met => sub { $_[0]{product} == 0 });
    $case->row("$by: WAL per call, bytes", product => $wal{''}{$clients}, reference => $wal{'original.'}{$clients},
        target => 'none', met => sub { $_[0]{product} < 1 });
}
$case->row('most taken less least taken of ten tokens', product => \@spread, reference => \@originals_spread, target => 'at most 1',
    met => sub { $_[0]{product} <= 1 });
$case->row("growth of the table in $minute s, kB", product => [ $growth{''} ], reference => [ $growth{'original.'} ],
    target => 'none', met => sub { $_[0]{product} <= 8 });
$case->series('time of one call, ms', 'clients', \@clients,
    map { my $key = $_->[1]; $_->[0] => [ map { median(@{ $time{$key}{$_} }) } @clients ] }
      [ 'product', '' ], [ 'original', 'original.' ], [ 'SELECT 1', 'one' ]);
$case->note('Ten tokens, all active. Beside times the reference is SELECT 1 by as many clients, beside the rest the original.'
      . ' Autovacuum is off, so a table grows with each version that is not in place. What was taken is written down once a second,'
      . ' by the keeper: its WAL counts.');
$case->command('SELECT * FROM get_next_replicate_token()');
$server->change('atelier.databases' => '');
$server->rows('SELECT pg_reload_conf()');
$server->wait_until(30, 'the end of the keeper', "SELECT NOT $keeper");
$server->rows('SELECT atelier.resume()');
$server->leave;
$case->finish;
