# SPDX-License-Identifier: PostgreSQL
# The kill matrix: every fault point, every kind of kill, with at least fifty requests in flight. ATELIER_CRASH=full makes
# all of it, at least a thousand kills, and writes the table to ATELIER_CRASH_TABLE; otherwise each point is hit once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Atelier;
use Atelier::Crash;
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{ATELIER_CRASH} // '') eq 'full';
my @points = $ENV{ATELIER_CRASH_POINTS} ? split /,/, $ENV{ATELIER_CRASH_POINTS} : sort keys %Atelier::Crash::points;
my @kinds = $ENV{ATELIER_CRASH_KINDS} ? split /,/, $ENV{ATELIER_CRASH_KINDS} : @Atelier::Crash::kinds;
my $rounds = $ENV{ATELIER_CRASH_ROUNDS} // ($full ? 3 : 1);
my $tries = 3;
my $least = $full ? 20 : 1;

my $crash = Atelier::Crash->new;
my %made;
my $start = time;
my $turn = 0;
for my $round (1 .. $rounds) {
    for my $point (@points) {
        my @now = $full ? @kinds : $kinds[ $turn++ % @kinds ];
        @now = grep { !($Atelier::Crash::points{$point}{not} // {})->{$_} } @now;
        @now = ('worker') unless @now;
        for my $kind (@now) {
            for (1 .. $tries) {
                next unless $crash->kill_at($point, $kind);
                $made{$point}{$kind}++;
                last;
            }
        }
    }
    note("round $round: " . @{ $crash->{kills} } . ' kills in ' . (time - $start) . ' s');
}
my $result = $crash->settle;

my $sum = sub { my ($point) = @_; my $count = 0; $count += $_ for values %{ $made{$point} // {} }; return $count };
for my $point (@points) {
    my $hits = $sum->($point);
    cmp_ok($hits, '>=', $least, "$point: hit $hits times");
}
cmp_ok($result->{kills}, '>=', 1000, "$result->{kills} kills") if $full && !$ENV{ATELIER_CRASH_POINTS};
cmp_ok($crash->{lowest} // 0, '>=', 50, 'at least fifty requests in flight at each');
is($result->{$_}, 0, "rows $_: $result->{$_} of $result->{rows}") for 'lost', 'stuck', 'reopened';
is($result->{twice}, 0, "paid twice: $result->{twice} of $result->{accepted} predictions");
is($result->{mischarged}, 0, "credits: $result->{charged} taken for $result->{completed} completed rows");
is($result->{misbooked}, 0, 'the ledger says the same of every user and every generation');
note("requests that were never accepted: $result->{not_accepted}; lowest in flight: " . ($crash->{lowest} // 0) . '; '
      . (time - $start) . ' s');
diag($_) for @{ $result->{examples} // [] };

# Point by kind: kills, and behind a slash what went wrong in rows of that kill.
my %wrong;
for my $kill (@{ $crash->{kills} }) {
    my $found = $result->{by_kill}{ $kill->{number} } // {};
    $wrong{ $kill->{point} }{ $kill->{kind} } += $_ for values %$found;
}
my $table = join '', "| point | @{[join ' | ', @kinds]} | kills |\n", '|---|', '---|' x (@kinds + 1), "\n", map {
    my $point = $_;
    "| `$point` | " . join(' | ', map { ($made{$point}{$_} // 0) . ' / ' . ($wrong{$point}{$_} // 0) } @kinds) . ' | ' . $sum->($point) . " |\n"
} @points;
if (my $file = $ENV{ATELIER_CRASH_TABLE}) {
    append_to_file($file, $table . "\n$result->{kills} kills, $result->{rows} rows, $result->{accepted} predictions, "
          . "$result->{lost} lost, $result->{stuck} stuck, $result->{twice} paid twice, $result->{mischarged} charged wrongly; "
          . "$result->{not_accepted} requests never accepted; at least $crash->{lowest} in flight\n");
}
note($table);
$crash->stop;
done_testing();
