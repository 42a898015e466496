#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Tells the stand-in what to play: how its models behave (provider.json), and a token that it throttles for a while.
#
#   provider.pl models FILE
#   provider.pl throttle TOKEN SECONDS
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Demo;
use JSON::PP;

sub set_models {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    my $plan = decode_json(join '', <$file>);
    control('PATCH', 'settings', $plan->{settings});
    control('PUT', "models/$_", $plan->{models}{$_}) for sort keys %{ $plan->{models} };
    return;
}

sub throttle {
    my ($token, $seconds) = @_;
    control('PUT', "tokens/$token", { refuse => '429-text', for_ms => 1000 * $seconds });
    return;
}

my %actions = (models => \&set_models, throttle => \&throttle);
my $action = $actions{ shift @ARGV // '' } or die "usage: provider.pl models FILE | throttle TOKEN SECONDS\n";
$action->(@ARGV);
