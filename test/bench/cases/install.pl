#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How long CREATE EXTENSION takes in an empty database.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Session;
use Time::HiRes 'time';

my $case = Bench::Case->new('install', 'CREATE EXTENSION in an empty database', 'install');
my @seconds;

for (1 .. $case->rounds(5)) {
    my $session = Bench::Session->open(fresh_database('bench_install'));
    my $start = time;
    $session->rows('SET client_min_messages = warning; CREATE EXTENSION atelier');
    push @seconds, time - $start;
    $session->close;
}

$case->row('seconds', product => \@seconds, below => 2);
$case->command('CREATE EXTENSION atelier');
$case->finish;
