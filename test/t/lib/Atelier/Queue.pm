# SPDX-License-Identifier: PostgreSQL
# Queueing generations and asking what became of them, in the database and at the stand-in; and health(), check by check.
#
#   my $id = queue($node, $user, prompt => 'a kettle', replicate_model => 'sim/instant');
#   ended($node, $id, 'completed', 'the kettle is completed');
#   is(counts($stand_in, 'a kettle'), '1 1', 'posted once, accepted once');
#   is(health($node, 'dispatch')->{status}, 'ok', 'dispatch is well');
#   run_hint($node, 'dispatch');
package Atelier::Queue;
use strict;
use warnings;
use Exporter 'import';
use Atelier;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

our @EXPORT = qw(queue queue_many ended value status_is counts creates health health_line run_hint dispatcher_state
  reload set_to outstanding eventually);

# Inserts one generation as the user; returns its id. A database other than postgres: database => 'name'.
sub queue {
    my ($node, $user, %row) = @_;
    my $database = delete $row{database} // 'postgres';
    my %columns = (
        user_id => $user, action => 'create', model_id => 'test', model_name => 'Test', replicate_model => 'sim/instant',
        prompt => 'a red kettle', %row);
    my @names = sort keys %columns;
    my $values = join ', ', map { my $text = $columns{$_}; $text =~ s/'/''/g; "'$text'" } @names;
    return $node->safe_psql($database, Atelier::signed_in($user,
        'INSERT INTO public.generations (' . join(', ', @names) . ") VALUES ($values) RETURNING id"));
}

# Inserts many in one statement as the owner of the server; prompts are PROMPT 1, PROMPT 2 ...
sub queue_many {
    my ($node, $user, $count, $prompt, $model, $database) = @_;
    return $node->safe_psql($database // 'postgres', <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
SELECT '$user', 'create', 'test', 'Test', '$model', '$prompt ' || n FROM generate_series(1, $count) n
SQL
}

sub ended {
    my ($node, $id, $status, $test) = @_;
    return wait_for($node, "SELECT status = '$status' FROM public.generations WHERE id = '$id'", $test);
}

sub value {
    my ($node, $id, $expression) = @_;
    return $node->safe_psql('postgres', "SELECT $expression FROM public.generations g WHERE id = '$id'");
}

sub status_is {
    my ($node, $id, $status, $test) = @_;
    return is(value($node, $id, 'status'), $status, $test);
}

# How often the input with this prompt was posted and accepted: "posts accepted".
sub counts {
    my ($stand_in, $prompt) = @_;
    my $answer = $stand_in->request('GET', '/_control/inputs?limit=100000');
    my ($found) = grep { ($_->{prompt} // '') eq $prompt } @{ $answer->{inputs} };
    return $found ? "$found->{posts} $found->{accepted}" : '0 0';
}

# Creating requests that have reached the stand-in, whatever became of them.
sub creates { return $_[0]->request('GET', '/_control/stats')->{creates}{posts} }

# Passes as soon as the code says yes.
sub eventually {
    my ($test, $code) = @_;
    for (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default) {
        return ok(1, $test) if $code->();
        sleep 0.05;
    }
    return ok(0, $test);
}

# Waits until so many requests, or more, are at the stand-in without an answer.
sub outstanding {
    my ($stand_in, $count, $test) = @_;
    return eventually($test, sub { return $stand_in->request('GET', '/_control/stats')->{requests}{outstanding} >= $count });
}

# One check of health(): status, detail and hint.
sub health {
    my ($node, $check, $database) = @_;
    my $line = $node->safe_psql($database // 'postgres',
        "SELECT status, detail, coalesce(hint, '') FROM atelier.health() WHERE check_name = '$check'");
    my %found;
    @found{qw(status detail hint)} = split /\|/, $line, 3;
    return \%found;
}

# All checks that are not ok, in one line; empty when all is well.
sub health_line {
    my ($node, $database) = @_;
    return $node->safe_psql($database // 'postgres',
        "SELECT coalesce(string_agg(check_name || ' ' || status, ', ' ORDER BY check_name), '') FROM atelier.health() WHERE status <> 'ok'");
}

# Runs what the hint of a check says, as psql does when a DBA pastes it.
sub run_hint {
    my ($node, $check, $database) = @_;
    my $hint = health($node, $check, $database)->{hint};
    isnt($hint // '', '', "$check: has a hint") or return;
    note("hint of $check: $hint");
    my ($status, $out, $error) = $node->psql($database // 'postgres', $hint);
    return is($status, 0, "$check: the hint can be run") || diag($error);
}

# Makes the server read its files anew. A process that started later shows that the postmaster has told the others; what
# the dispatcher has read it tells nobody, but it does so at once.
sub reload {
    my ($node) = @_;
    my $before = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
    $node->reload;
    $node->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'") or die 'the server was not reloaded';
    $node->safe_psql('postgres', 'SELECT pg_sleep(0.3)');
    return;
}

# ALTER SYSTEM SET atelier.NAME = VALUE, or RESET when the value is undefined, and a reload.
sub set_to {
    my ($node, %settings) = @_;
    for my $name (sort keys %settings) {
        my $value = $settings{$name};
        $node->safe_psql('postgres',
            defined $value ? "ALTER SYSTEM SET atelier.$name = '$value'" : "ALTER SYSTEM RESET atelier.$name");
    }
    reload($node);
    return;
}

sub dispatcher_state {
    my ($node, $state, $test, $database) = @_;
    return ok($node->poll_query_until($database // 'postgres',
        "SELECT state = '$state' FROM atelier.worker_state() WHERE kind = 'dispatcher'"), $test);
}

1;
