# SPDX-License-Identifier: PostgreSQL
# The kill matrix: every fault point, every kind of kill, with at least fifty requests in flight. ATELIER_CRASH=full makes
# all of it: each pair ATELIER_CRASH_ROUNDS times (2), and more at the points that were hit least until there are a thousand
# kills; otherwise each point is hit once. ATELIER_CRASH_POINTS and ATELIER_CRASH_KINDS choose some. A run that is not over
# after ATELIER_CRASH_SECONDS, or that is told to end, fails, and tells what it has seen. The table goes to
# ATELIER_CRASH_TABLE, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Atelier;
use Atelier::Crash;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{ATELIER_CRASH} // '') eq 'full';
my @points = $ENV{ATELIER_CRASH_POINTS} ? split /,/, $ENV{ATELIER_CRASH_POINTS} : sort keys %Atelier::Crash::points;
my @kinds = $ENV{ATELIER_CRASH_KINDS} ? split /,/, $ENV{ATELIER_CRASH_KINDS} : @Atelier::Crash::kinds;
my $rounds = $ENV{ATELIER_CRASH_ROUNDS} // ($full ? 2 : 1);
my $whole = $full && !grep { $ENV{"ATELIER_CRASH_$_"} } qw(KINDS ROUNDS);
# Of some of the points their part of the thousand.
my ($least_hits, $least_kills) = $whole ? (20, POSIX::ceil(1000 * @points / keys %Atelier::Crash::points)) : (1, 0);
my $patience = $ENV{ATELIER_CRASH_SECONDS} // ($full ? 4500 : 600);
my $start = time;
my $cut = '';
local $SIG{TERM} = local $SIG{INT} = sub { $cut ||= 'was told to end' };

my $crash = Atelier::Crash->new;
my (%made, %failed);

sub is_cut {
    $cut ||= "is not over after $patience s" if time - $start > $patience;
    return $cut ne '';
}

sub hits { my ($point) = @_; my $count = 0; $count += $_ for values %{ $made{$point} // {} }; return $count }

# A kill that could not be made is tried again.
sub make_kill {
    my ($point, $kind) = @_;
    for (1 .. 3) {
        return 0 if is_cut();
        next unless $crash->kill_at($point, $kind);
        $made{$point}{$kind}++;
        note(@{ $crash->{kills} } . ' kills in ' . (time - $start) . ' s, at the last one in flight: ' . $crash->{kills}[-1]{in_flight}) if @{ $crash->{kills} } % 25 == 0;
        return 1;
    }
    $failed{"$point by $kind"}++;
    return 0;
}

sub kinds_of { my ($point) = @_; return grep { !($Atelier::Crash::points{$point}{not} // {})->{$_} } @kinds }

eval {
    my $turn = 0;
    for my $round (1 .. $rounds) {
        for my $point (@points) {
            my @possible = kinds_of($point);
            @possible = $possible[ $turn++ % @possible ] unless $full;
            make_kill($point, $_) for @possible;
        }
    }
    my $more = 0;
    while (!is_cut() && $more++ < 300) {
        my ($next) = sort { hits($a) <=> hits($b) || $a cmp $b } @points;
        last if hits($next) >= $least_hits && @{ $crash->{kills} } >= $least_kills;
        my @possible = kinds_of($next);
        make_kill($next, $possible[ $turn++ % @possible ]);
    }
    1;
} or $cut ||= "was broken off: $@";

my $kill_time = time - $start;
my $result = eval { $crash->settle($cut ? 60 : 180) } or diag("no account: $@");
is($cut, '', 'the run is over');
for my $pair (sort keys %failed) {
    my ($point, $kind) = split / by /, $pair;
    ok($made{$point}{$kind}, "$pair could be made, though not at $failed{$pair} times three tries");
}
cmp_ok(hits($_), '>=', $least_hits, "$_: hit " . hits($_) . ' times') for @points;
cmp_ok(scalar @{ $crash->{kills} }, '>=', $least_kills, @{ $crash->{kills} } . ' kills') if $least_kills;
cmp_ok($crash->{lowest} // 0, '>=', 50, 'at least fifty requests in flight at each');
ok($result, 'there is an account');
$result //= {};
$result->{$_} //= -1 for qw(lost stuck reopened twice mischarged misbooked miscounted rows loras accepted not_accepted charged completed);
is($result->{$_}, 0, "rows $_: $result->{$_} of $result->{rows} generations and $result->{loras} LoRAs") for 'lost', 'stuck', 'reopened';
is($result->{twice}, 0, "paid twice: $result->{twice} of $result->{accepted} predictions and trainings");
is($result->{mischarged}, 0, "credits: $result->{charged} taken for $result->{completed} completed rows");
is($result->{misbooked}, 0, 'the ledger says the same of every user and every generation');
is($result->{miscounted}, 0, 'the kept numbers are those of the rows');
diag($_) for @{ $result->{examples} // [] };

# Point by kind: kills, and behind a slash what went wrong in rows of that kill.
my %wrong;
for my $kill (@{ $crash->{kills} }) {
    my $found = ($result->{by_kill} // {})->{ $kill->{number} } // {};
    $wrong{ $kill->{point} }{ $kill->{kind} } += $_ for values %$found;
}
my $table = join '', "| point | @{[join ' | ', @kinds]} | kills |\n", '|---|', '---|' x (@kinds + 1), "\n", map {
    my $point = $_;
    "| `$point` | " . join(' | ', map { ($made{$point}{$_} // 0) . ' / ' . ($wrong{$point}{$_} // 0) } @kinds) . ' | ' . hits($point) . " |\n"
} @points;
my @in_flight = sort { $a <=> $b } map { $_->{in_flight} } @{ $crash->{kills} };
my $summary = @in_flight . " kills, $result->{rows} generations, $result->{loras} trainings, $result->{accepted} accepted requests; $result->{lost} lost, "
  . "$result->{stuck} stuck, $result->{reopened} reopened, $result->{twice} paid twice; $result->{charged} credits for $result->{completed} completed "
  . "generations, $result->{misbooked} wrong in the ledger, $result->{miscounted} kept numbers wrong; $result->{not_accepted} requests were never accepted; in flight at each kill at least "
  . ($in_flight[0] // 0) . ', half of them ' . ($in_flight[ @in_flight / 2 ] // 0) . " or more; $kill_time s, with the last look " . (time - $start)
  . ' s; ' . ($cut ? "the run $cut" : 'the run is over') . "\n";
my $spent = join ', ', map { sprintf '%s %.2f s', $_, $crash->{spent}{$_} / (@in_flight || 1) } sort keys %{ $crash->{spent} };
append_to_file($ENV{ATELIER_CRASH_TABLE}, "$table\n$summary") if $ENV{ATELIER_CRASH_TABLE};
note("$table\n$summary");
note("of each kill: $spent");
$crash->stop;
done_testing();
