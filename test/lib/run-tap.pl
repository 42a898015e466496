#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Runs test programs that speak TAP and ends with one line of counts. A program that crashes, exits with a failure or runs
# another number of tests than it planned counts as failed, even when all its lines say ok.
#
#   run-tap.pl [--jobs=N] [--pgtap | --node] FILE ...
#     --pgtap: the files are SQL, run by psql in the database of PGDATABASE; --node: they are JavaScript
use strict;
use warnings;
use File::Basename qw(basename);
use Getopt::Long;
use List::Util qw(max);
use TAP::Harness;

my ($jobs, $pgtap, $node) = (1, 0, 0);
GetOptions('jobs=i' => \$jobs, 'pgtap' => \$pgtap, 'node' => \$node) or exit 2;
my %options = (verbosity => 0, failures => 1, comments => 1, jobs => $jobs, merge => 0);
$options{sources} = { pgTAP => { suffix => '.sql', set => { client_min_messages => 'warning' } } } if $pgtap;
$options{exec} = ['node'] if $node;

# What a test of the server's library wrote beside its results: why it died stands only there. The folder depends on the version.
sub show_log {
    my ($name) = basename($_[0], '.pl');
    my ($log) = grep { -e } map { "$_/regress_log_$name" } map { $_ // () } $ENV{TESTLOGDIR}, $ENV{TESTDIR} && "$ENV{TESTDIR}/tmp_check/log";
    return if !$log;
    open my $in, '<', $log or return;
    my @lines = <$in>;
    print "The end of the log of $name:\n", map { "    $_" } @lines[ max(0, @lines - 40) .. $#lines ];
    return;
}

my $aggregator = TAP::Harness->new(\%options)->runtests(@ARGV);
my $passed = $aggregator->total - $aggregator->failed;
my $failed = $aggregator->failed;
for my $name ($aggregator->descriptions) {
    my ($parser) = $aggregator->parsers($name);
    my $broken = !$parser->failed && ($parser->parse_errors || $parser->wait || (!$parser->tests_run && !$parser->skip_all));
    $failed++ if $broken;
    show_log($name) if $broken || $parser->failed;
}
my $skipped = $aggregator->skipped;
print "$skipped skipped\n" if $skipped;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
