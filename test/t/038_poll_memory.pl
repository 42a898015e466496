# SPDX-License-Identifier: PostgreSQL
# Polls are told of changes by memory that ends with the server and is not endless. Whatever it holds, a cursor finds all that
# has changed since, in order of commits and not of beginnings: across restarts, prepared transactions, a flood of changes, on
# a standby, and without that memory.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use JSON::PP;
use Test::More;

my $node = atelier_node('main', token => 0, init => [allows_streaming => 1], settings => { max_prepared_transactions => 5 });
my ($user, $other) = (add_user($node), add_user($node));
my $workspace = '00000000-0000-4000-8000-00000000f001';
$node->safe_psql('postgres', <<"SQL");
SELECT atelier.pause();
INSERT INTO public.workspaces (id, name, slug) VALUES ('$workspace', 'w', 'poll-memory');
INSERT INTO public.workspace_members (workspace_id, user_id) VALUES ('$workspace', '$user');
SQL

sub insert_sql {
    my ($owner, $prompt, $place) = @_;
    my $where = $place ? "'$place'" : 'NULL';
    return "INSERT INTO public.generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status)"
      . " VALUES ('$owner', $where, 'create', 'm', 'M', 'owner/name', '$prompt', 'completed')";
}

sub poll {
    my ($on, $cursor, $place) = @_;
    my $given = defined $cursor ? "'$cursor'" : 'NULL';
    my $where = $place ? "'$place'" : 'NULL';
    return decode_json(sql_as($on, $user, "SELECT public.poll_generations($given, 'foreground', $where)"));
}

sub told {
    my ($answer) = @_;
    return join ' ', ($answer->{reset} ? 'reset' : ()), sort(map { $_->{prompt} } @{ $answer->{changed} }), map { 'gone' } @{ $answer->{deleted} };
}

# The pages that a poll with this cursor reads, once all of its plans and catalogs are there.
sub pages {
    my ($cursor) = @_;
    my $explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING off, SUMMARY off) SELECT public.poll_generations('$cursor')";
    my $plan = sql_as($node, $user, join '; ', ($explain) x 4);
    my @plans = split /(?=^Result)/m, $plan;
    my ($execution) = split /^Planning/m, $plans[-1];
    return $execution =~ /shared hit=(\d+)/ ? $1 : 0;
}

my $start = poll($node)->{cursor};
subtest 'memory' => sub {
    $node->safe_psql('postgres', insert_sql($user, 'first'));
    my $answer = poll($node, $start);
    is(told($answer), 'first', 'tells what has changed');
    my $cursor = $answer->{cursor};
    is(told(poll($node, $cursor)), '', 'once');
    $node->safe_psql('postgres', insert_sql($other, "theirs $_")) for 1 .. 20;
    is(told(poll($node, $cursor)), '', 'and nothing of others');
    is(pages($cursor), 0, 'for which no page is read, though others have written');
    $node->safe_psql('postgres', "DELETE FROM public.generations WHERE prompt = 'first'");
    is(told(poll($node, $cursor)), 'gone', 'what is deleted is told');
};

my $before = poll($node)->{cursor};
my $before_here = poll($node, undef, $workspace)->{cursor};
$node->safe_psql('postgres', insert_sql($user, 'earlier', $workspace));
$node->safe_psql('postgres', 'BEGIN; ' . insert_sql($user, 'prepared', $workspace) . "; PREPARE TRANSACTION 'one'");
$node->stop('immediate');
$node->start;
my $between = poll($node)->{cursor};

subtest 'after a crash' => sub {
    is(told(poll($node, $before)), 'earlier', 'an old cursor finds what was written before it');
    is(told(poll($node, $before_here, $workspace)), 'earlier', 'in a workspace too');
    $node->safe_psql('postgres', insert_sql($user, 'later'));
    is(told(poll($node, $before)), 'earlier later', 'and what came after');
    is(told(poll($node, $between)), 'later', 'a new one only that');
    $node->safe_psql('postgres', "COMMIT PREPARED 'one'");
    is(told(poll($node, $before)), 'earlier later prepared', 'a transaction that was prepared before the crash is told when it commits');
    is(told(poll($node, $between)), 'later prepared', 'to all who have not seen it');
};

subtest 'more changes than fit' => sub {
    my $cursor = poll($node)->{cursor};
    $node->safe_psql('postgres', "UPDATE public.generations SET is_favorite = true WHERE prompt = 'later'");
    $node->safe_psql('postgres', <<"SQL");
SET synchronous_commit = off;
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt, status)
SELECT '$other', 'create', 'm', 'M', 'owner/name', 'many', 'completed' FROM generate_series(1, 70000);
SQL
    is(told(poll($node, $cursor)), 'later', 'do not hide one that was before them');
    my $after = poll($node, $cursor)->{cursor};
    is(told(poll($node, $after)), '', 'and nothing is told again');
    $node->safe_psql('postgres', insert_sql($user, 'last'));
    is(told(poll($node, $after)), 'last', 'what follows is');
};

subtest 'a standby' => sub {
    $node->backup('base');
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($node, 'base', has_streaming => 1);
    $standby->start;
    $node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
    my $cursor = poll($standby)->{cursor};
    $node->safe_psql('postgres', insert_sql($user, 'from the primary'));
    $node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
    is(told(poll($standby, $cursor)), 'from the primary', 'tells what it has received');
    is(told(poll($standby, poll($standby, $cursor)->{cursor})), '', 'once');
};

my $plain = atelier_node('plain', token => 0, preload => 0);
$node = $plain;
$user = add_user($plain);
subtest 'without preload' => sub {
    my $cursor = poll($plain)->{cursor};
    is(told(poll($plain, $cursor)), '', 'nothing has changed');
    $plain->safe_psql('postgres', insert_sql($user, 'plain'));
    my $answer = poll($plain, $cursor);
    is(told($answer), 'plain', 'what has changed is told');
    is(told(poll($plain, $answer->{cursor})), '', 'once');
    $plain->safe_psql('postgres', insert_sql(add_user($plain), 'theirs'));
    isnt(pages($answer->{cursor}), 0, 'for which rows have to be read');
};

done_testing();
