#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 50,000 predictions of ten accounts that run for long: how often the provider is asked, and how soon ends are seen.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Server;
use Bench::StandIn;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $case = Bench::Case->new('watched', 'Running predictions that are watched at once', 'dispatch');
my ($server, $stand_in) = (Bench::Server->new, Bench::StandIn->new);
my $accounts = 10;
my $rows = $case->pick(50_000, 500);
my $seconds = $case->pick(120, 2);
my $ends = $case->pick(200, 20);
# What an account may ask in a minute besides creating.
my $limit = 3000;

sub requests { return $stand_in->stats->{requests} }

$stand_in->reset(keep_inputs => JSON::PP::false, arrivals => 0);
$server->begin(1000, max_transfers => 128, requests_per_minute => $limit);
$server->rows('DELETE FROM replicate_tokens');
$server->rows("INSERT INTO replicate_tokens (token) SELECT format('r8_account%s_%s', n, repeat('0', 24)) FROM generate_series(1, $accounts) n");
$server->wait_until(60, 'the accounts', "SELECT count(DISTINCT account) = $accounts FROM atelier.token_state");
$server->queue($rows, model => 'sim/stuck');
$server->wait_until(1200, 'all to run', "SELECT count(*) = $rows FROM atelier.attempts WHERE state = 'running'");

$stand_in->request('PATCH', '/_control/settings', { requests_per_minute => $limit, rate_window_ms => 60_000 });
my $before = requests();
sleep $seconds;
my $after = requests();
my %asked = map { $_ => ($after->{by_route}{$_} // 0) - ($before->{by_route}{$_} // 0) } qw(list get);

# Ends that only a look can tell of.
my @ids = map { $_->[0] } $server->rows("SELECT prediction_id FROM atelier.attempts ORDER BY random() LIMIT $ends");
$stand_in->request('POST', "/_control/predictions/$_/finish", { status => 'succeeded' }) for @ids;
my $ended = time;
$server->wait_until(180, 'the ends to be seen', "SELECT count(*) = $ends FROM generations WHERE status = 'completed'");
my $seen = time - $ended;

my $minutes = $seconds / 60;
$case->row('predictions that run', product => [$rows]);
$case->row('pages of a hundred read in a minute, beside what one round takes', product => [ $asked{list} / $minutes ],
    reference => [ $rows / 100 ], target => 'at least one round', met => sub { $_[0]{ratio} >= 1 });
$case->row('requests of an account in a minute', product => [ ($asked{list} + $asked{get}) / $minutes / $accounts ], at_most => $limit);
$case->row('refused for too many', product => [ requests()->{by_status}{429} // 0 ], target => 'none', met => sub { $_[0]{product} == 0 });
$case->row("seconds until the last of $ends ends was seen", product => [$seen], at_most => 60);
$case->note("$accounts accounts. The ends are spread over all of them and are told by nothing but a look.");
$case->command("INSERT INTO generations ...; SELECT * FROM atelier.attempts WHERE state = 'running'");

$server->rows('SELECT atelier.pause()');
$server->change('atelier.databases' => '');
$server->restart;
$server->empty(1);
$server->rows('DELETE FROM replicate_tokens');
$server->rows("INSERT INTO replicate_tokens (token) VALUES ('@{[ $stand_in->token ]}')");
$case->finish;
