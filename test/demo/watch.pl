#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Shows the generations on their way until the last one has ended: on a terminal a block that is redrawn in place,
# elsewhere a line whenever something has changed. Meanwhile Ada cancels a film of hers that takes too long.
#
#   watch.pl SECONDS    gives up after that time, since what has not ended then is for the check to name
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Demo;
use IO::Handle;
use List::Util qw(sum0);
use Time::HiRes qw(sleep time);

use constant kStatuses => qw(queued processing completed failed cancelled);
use constant kBarWidth => 40;
use constant kPause    => 0.15;

my $longest = shift @ARGV // 60;
my $started = time;
my $drawn = 0;         # lines of the block that stand on the terminal
my $line_before = '';  # what the last plain line said
my $cancelled = 0;
my $on_terminal = -t STDOUT && ($ENV{TERM} // 'dumb') ne 'dumb';
my $unicode = ($ENV{LC_ALL} || $ENV{LC_CTYPE} || $ENV{LANG} || '') =~ /utf-?8/i;
my ($full, $empty) = $unicode ? ("\xe2\x96\x88", "\xe2\x96\x91") : ('#', '.');
STDOUT->autoflush(1);

# One round trip: how many rows there are of each status, the tokens, and whether Ada is tired of waiting.
my $query = <<'SQL';
SELECT json_build_object(
  'statuses', (SELECT coalesce(json_object_agg(c.status, c.rows), '{}')
                 FROM (SELECT g.status, count(*) AS rows FROM generations g GROUP BY g.status) c),
  'tokens', (SELECT json_agg(json_build_object(
                      'id', t.id, 'account', coalesce(t.account, ''), 'requests', t.request_count,
                      'active', t.is_active, 'cooling', extract(epoch FROM t.cooling_until - clock_timestamp()))
                    ORDER BY t.id)
               FROM atelier.tokens t),
  'too_long', EXISTS (SELECT FROM generations g
                       WHERE g.prompt = 'a film that takes too long' AND g.status = 'processing'
                         AND g.started_at < clock_timestamp() - interval '2 seconds'))
SQL

sub token_state {
    my ($token) = @_;
    return 'off' unless $token->{active};
    return 'cooling' if ($token->{cooling} // 0) > 0;
    return 'active';
}

sub elapsed { return sprintf '%5.1f s', time - $started }

sub block {
    my ($now) = @_;
    my $all = sum0(values %{ $now->{statuses} }) || 1;
    my @lines;
    for my $status (kStatuses) {
        my $rows = $now->{statuses}{$status} // 0;
        my $cells = $rows ? int(($rows * kBarWidth + $all - 1) / $all) : 0;
        push @lines, sprintf '  %-11s %s%s %3d', $status, $full x $cells, $empty x (kBarWidth - $cells), $rows;
    }
    for my $token (@{ $now->{tokens} // [] }) {
        my $state = token_state($token);
        $state .= sprintf ' %.1f s', $token->{cooling} if $state eq 'cooling';
        push @lines, sprintf '  token %-5d %-12s %-16s %4d requests', @$token{qw(id account)}, $state, $token->{requests};
    }
    return (@lines, '  ' . elapsed());
}

# Moves up to where the block begins and takes it away.
sub erase_block {
    print "\e[${drawn}A\e[J" if $drawn;
    $drawn = 0;
    return;
}

sub plain_line {
    my ($now) = @_;
    my @parts = map { $_ . ' ' . ($now->{statuses}{$_} // 0) } kStatuses;
    push @parts, map { "token $_->{id} " . token_state($_) } @{ $now->{tokens} // [] };
    return join ', ', @parts;
}

sub show {
    my ($now) = @_;
    if ($on_terminal) {
        my @lines = block($now);
        erase_block();
        print map { "$_\n" } @lines;
        $drawn = @lines;
    } elsif ((my $line = plain_line($now)) ne $line_before) {
        print elapsed(), "  $line\n";
        $line_before = $line;
    }
    return;
}

sub announce {
    my ($text) = @_;
    erase_block();
    print elapsed(), "  $text\n";
    return;
}

sub active_rows {
    my ($now) = @_;
    return sum0(map { $now->{statuses}{$_} // 0 } qw(queued processing));
}

while (1) {
    my $now = answer($query);
    show($now);
    last if !active_rows($now) || time - $started > $longest;
    if ($now->{too_long} && !$cancelled) {
        sql("\\i $FindBin::RealBin/cancel.sql");
        announce('Ada cancels "a film that takes too long".');
        $cancelled = 1;
    }
    sleep kPause;
}
