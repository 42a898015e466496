#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How long CREATE EXTENSION takes in the app's own database with a million generations, and whether it copies them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Session;
use Time::HiRes 'time';

my $case = Bench::Case->new('adopt', "Adoption of the app's own database", 'install');
my $rows = $case->pick(1_000_000, 5_000);
my $file = "SELECT pg_relation_filenode('generations')";
my (@seconds, @wal, $same);

# The indexes come after the rows, which is the quicker way to the same database.
my $original = fresh_database('bench_app');
run_psql($original, '-v', "generations=$rows", map { ('-f', "$ENV{BENCH_SOURCES}/adopt/$_.sql") }
      qw(hosted base later data later_rules));
run_psql($original, '-c', 'VACUUM ANALYZE');
for (1 .. $case->rounds(3)) {
    my $session = Bench::Session->open(copy_of($original));
    my ($before, $from) = ($session->value($file), $session->value('SELECT pg_current_wal_insert_lsn()'));
    my $start = time;
    $session->rows('SET client_min_messages = error; CREATE EXTENSION atelier');
    push @seconds, time - $start;
    push @wal, $session->value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$from')") / 2**20;
    $same += $session->value($file) eq $before ? 1 : 0;
    my $held = $session->value('SELECT dispatch FROM atelier.identity');
    die "an adopted database does not hold: $held" unless $held =~ /^h/;
    $session->close;
}

$case->row("seconds for $rows generations", product => \@seconds, below => 60);
$case->row('rounds in which the table of generations was copied', product => [ @seconds - $same ], target => 'none',
    met => sub { $_[0]{product} == 0 });
$case->row('WAL, MB', product => \@wal);
$case->note("The app's last stage, all of its indexes, two rows with nulls where there must be none.");
$case->command('CREATE EXTENSION atelier');
drop_copy("${original}_copy");
drop_copy($original);
$case->finish;
