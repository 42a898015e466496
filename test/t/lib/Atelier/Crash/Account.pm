# SPDX-License-Identifier: PostgreSQL
# The account of a kill matrix: waits until nothing is under way, and compares what the stand-in has counted with the rows,
# the credits, the ledger and the kept numbers. What is wrong is counted by its kind and by the kill whose row it is.
package Atelier::Crash::Account;
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use constant kExamples => 40;

# Waits no longer than so many seconds.
sub settle {
    my ($crash, $patience) = @_;
    my $until = time + $patience;
    my $told = 0;
    while (time < $until) {
        my $over = $crash->ask("SELECT NOT EXISTS (SELECT FROM atelier.attempts WHERE state IN ('sending', 'running', 'unknown'))"
              . " AND NOT EXISTS (SELECT FROM atelier.trainings WHERE state IN ('queued', 'sending', 'running', 'unknown'))"
              . " AND NOT EXISTS (SELECT FROM atelier.queue) AND NOT EXISTS (SELECT FROM atelier.generation_count_deltas)"
              . " AND NOT EXISTS (SELECT FROM public.generations WHERE status NOT IN ('completed', 'failed', 'cancelled'))") // '';
        return if $over eq 't';
        cancel_forgotten($crash);
        note('settling: ' . $crash->state) if time - $told > 10 and $told = time;
        sleep 0.5;
    }
    return;
}

# Rows that were to be cancelled in a kill that could not be made.
sub cancel_forgotten {
    my ($crash) = @_;
    return $crash->ask("UPDATE atelier.attempts a SET cancel_requested = true FROM public.generations g WHERE g.id = a.generation_id"
          . " AND g.prompt LIKE '% cancel %' AND g.status = 'processing' AND NOT a.cancel_requested", 'SELECT atelier.wake()');
}

# lost, stuck, twice, reopened: rows; mischarged, misbooked, miscounted: credits, lines of the ledger, kept numbers.
sub count {
    my ($crash) = @_;
    my %result = (lost => 0, stuck => 0, twice => 0, reopened => 0, rows => 0, completed => 0, loras => 0, posts => 0, accepted => 0,
        by_kill => {}, examples => []);
    my $note = sub {
        my ($what, $name, $detail) = @_;
        my ($number) = $name =~ /^k(\d+)/i;
        $result{$what}++;
        $result{by_kill}{$number}{$what}++;
        push @{ $result{examples} }, "$what: $name $detail" if @{ $result{examples} } < kExamples;
    };
    my $accepted = accepted_inputs($crash, \%result);
    my (%rows, %completed);
    for my $line (split /\n/, $crash->sql("SELECT prompt, status, replace(coalesce(error_message, ''), E'\\n', ' ') FROM public.generations")) {
        my ($prompt, $status, $message) = split /\|/, $line, 3;
        my $wanted = $crash->wanted_status($prompt);
        $rows{$prompt}++;
        $result{rows}++;
        $completed{$prompt}++ if $status eq 'completed';
        if ($status !~ /^(?:completed|failed|cancelled)$/) { $note->('stuck', $prompt, $status) }
        elsif ($wanted eq 'failed' && $status ne 'failed') { $note->('reopened', $prompt, $status) }
        elsif ($status ne $wanted) { $note->('lost', $prompt, "$status $message") }
    }
    for my $line (split /\n/, $crash->sql("SELECT trigger_word, status, replace(coalesce(error_message, ''), E'\\n', ' ') FROM public.user_loras")) {
        my ($word, $status, $message) = split /\|/, $line, 3;
        $rows{$word}++;
        $result{loras}++;
        $completed{$word}++ if $status eq 'completed';
        if ($status =~ /^(?:pending|uploading|training)$/) { $note->('stuck', $word, $status) }
        elsif ($status ne 'completed') { $note->('lost', $word, "$status $message") }
    }
    for my $name (keys %completed) {
        $note->('lost', $name, 'completed without a prediction') if $completed{$name} > ($accepted->{$name} // 0);
        $result{completed} += $completed{$name} unless $name =~ /^K\d+_/;
    }
    for my $name (keys %$accepted) {
        $note->('twice', $name, "$accepted->{$name} for " . ($rows{$name} // 0)) if $accepted->{$name} > ($rows{$name} // 0);
    }
    explain_twice($crash, \%result) if $result{twice};
    $result{not_accepted} = $result{posts} - $result{accepted};
    money($crash, \%result);
    # What the keeper has repaired meanwhile was wrong, too.
    $result{miscounted} = $crash->sql('SELECT coalesce(sum(lines), 0) FROM atelier.count_repairs') + $crash->sql('SELECT atelier.recount()');
    $result{kills} = @{ $crash->{kills} };
    return \%result;
}

# Accepted creating requests by prompt, and those for trainings by trigger word, whatever else was in them. The list is too
# long for a parser.
sub accepted_inputs {
    my ($crash, $result) = @_;
    my %accepted;
    my $text = $crash->{stand_in}->text('GET', '/_control/inputs?limit=10000000');
    while ($text =~ /\{"prompt":"([^"]*)","input":(.*?),"posts":(\d+),"accepted":(\d+)\}/g) {
        my ($name, $input, $posts, $times) = ($1, $2, $3, $4);
        $name = $1 if $name eq '' && $input =~ /"trigger_word":"([^"]*)"/;
        $accepted{$name} += $times;
        $result->{posts} += $posts;
        $result->{accepted} += $times;
    }
    return \%accepted;
}

# When the creating requests of a row came, and which of its attempts knows what.
sub explain_twice {
    my ($crash, $result) = @_;
    my ($name) = map { /^twice: (.*) \d+ for \d+$/ ? $1 : () } @{ $result->{examples} };
    return unless defined $name;
    push @{ $result->{examples} }, grep { /"prompt":"\Q$name\E"/ } $crash->{stand_in}->text('GET', '/_control/arrivals') =~ /\{[^{}]*\}/g;
    push @{ $result->{examples} }, split /\n/, $crash->ask("SELECT a.id, a.sent_at, a.ended_at, a.token_id, a.state, a.prediction_id, a.http_status, a.error"
          . " FROM atelier.attempts a JOIN public.generations g ON g.id = a.generation_id WHERE g.prompt = '$name' ORDER BY a.id") // '';
    return;
}

sub money {
    my ($crash, $result) = @_;
    my $given = $crash->credits_of_each;
    $result->{charged} = $crash->sql("SELECT count(*) * $given - sum(credits) FROM public.users");
    $result->{mischarged} = abs($result->{charged} - $result->{completed});
    $result->{misbooked} = $crash->sql(<<"SQL");
SELECT (SELECT count(*) FROM public.users u WHERE u.credits - $given
               IS DISTINCT FROM (SELECT coalesce(sum(e.amount), 0) FROM atelier.credit_entries e WHERE e.user_id = u.id))
     + (SELECT count(*) FROM public.generations g WHERE (g.status = 'completed')
               <> (SELECT count(*) = 1 FROM atelier.credit_entries e WHERE e.generation_id = g.id AND e.kind = 'charge'))
SQL
    return;
}

1;
