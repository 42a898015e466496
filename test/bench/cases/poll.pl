#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What a poll reads when nothing has changed, beside the list that the app would have asked for instead.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Pgbench;
use Bench::Plan;
use Bench::Session;
use Bench::Tabs;

my $case = Bench::Case->new('poll', 'A poll when nothing has changed', 'reads');
my $database = main_data();
my %rounds;

sub cursor_of {
    my ($user) = @_;
    my $session = Bench::Session->open($database);
    $session->rows("SELECT bench.sign_in($user)");
    $session->rows('SET ROLE authenticated');
    my $cursor = $session->value("SELECT poll_generations() ->> 'cursor'");
    $session->close;
    return $cursor;
}

my $other = Bench::Session->open($database);
my %name_of = (heavy() => 'user of a fifth of all rows', 500 => 'middling user');
for (1 .. $case->rounds(3)) {
    for my $user (keys %name_of) {
        my ($poll, $list) = ("SELECT poll_generations('" . cursor_of($user) . "')", list_query($user, 50));
        my @as = (database => $database, user => $user);
        push @{ $rounds{$user}{poll} }, plan_of($poll, @as)->{buffers};
        push @{ $rounds{$user}{list} }, plan_of($list, @as)->{buffers};
        # Somebody else has written since.
        $other->rows('UPDATE users SET credits = credits WHERE id = bench.user_id(9999)');
        push @{ $rounds{$user}{busy} }, plan_of($poll, @as)->{buffers};
        my @run = (database => $database, transactions => $case->pick(300, 10), settings => as_user($user));
        push @{ $rounds{$user}{poll_ms} }, pgbench($poll, @run)->{p50};
        push @{ $rounds{$user}{list_ms} }, pgbench($list, @run)->{p50};
    }
}

for my $user (sort { $b <=> $a } keys %name_of) {
    my $found = $rounds{$user};
    $case->row("$name_of{$user}: buffers", product => $found->{poll}, reference => $found->{list}, ratio_at_most => 0.2);
    $case->row("$name_of{$user}, others have written: buffers", product => $found->{busy}, reference => $found->{list},
        ratio_at_most => 0.2);
    $case->row("$name_of{$user}: p50, ms", product => $found->{poll_ms}, reference => $found->{list_ms});
}
$case->note('The reference is the page of 50 rows, the most that the app asks for.');
$case->command('SELECT poll_generations(cursor)');
$other->close;
$case->finish;
