# SPDX-License-Identifier: PostgreSQL
# Rows in every table, and what is in them, for tests that look whether all of it is still there.
#
#   fill_tables($node);                        a little of everything; dispatch should be paused before
#   my $rows = all_rows($node, 'postgres');    table, materialized view or sequence => its rows as text
#   same_rows($have, $want, 'restored');
package Atelier::Rows;
use strict;
use warnings;
use Exporter 'import';
use Test::More;

our @EXPORT = qw(fill_tables tables all_rows same_rows);

my $id = '00000000-0000-4000-8000-0000000000';

# Ids end in the number of their row; a second call takes other ones.
my $calls = 0;

my $everything = <<'SQL';
SET client_min_messages = warning;
BEGIN;
INSERT INTO users (id, email, display_name, credits) VALUES ('@11', 'ann@rows.test', 'Änn "1"', 7), ('@12', 'bob@rows.test', E'B\tb\\', 0);
INSERT INTO workspaces (id, name, slug, created_by) VALUES ('@21', 'Team', 'rows-@', '@11');
INSERT INTO workspace_members (workspace_id, user_id, role, invited_by) VALUES ('@21', '@12', 'member', '@11');
INSERT INTO replicate_tokens (token) VALUES ('r8_rows_test_@');
INSERT INTO generations (id, user_id, workspace_id, action, model_id, model_name, replicate_model, status, prompt, settings, output_urls)
VALUES ('@31', '@11', NULL, 'create', 'm', 'M', 'sim/instant', 'queued', 'rows 1', '{"priority": 3, "text": "\u00e4"}', NULL),
       ('@32', '@11', '@21', 'create', 'm', 'M', 'sim/instant', 'queued', 'rows 2', '{}', NULL),
       ('@33', '@12', NULL, 'create', 'm', 'M', 'sim/instant', 'processing', 'rows 3', '{}', NULL),
       ('@34', '@12', '@21', 'analyze_ocr', 'm', 'M', 'sim/instant', 'completed', E'rows\n4', '{}', ARRAY['https://o.test/1.png', 'x, "y"']),
       ('@35', '@12', NULL, 'video_create', 'm', 'M', 'sim/instant', 'failed', NULL, '{}', NULL);
INSERT INTO atelier.attempts (generation_id, user_id, sent_at, deadline, number, state, prediction_id)
VALUES ('@33', '@12', now(), now() + interval '10 min', 1, 'running', 'rows33');
INSERT INTO atelier.credit_entries (generation_id, user_id, amount, turn, kind) VALUES ('@33', '@12', -1, 1, 'hold'), ('@34', '@12', 0, 0, 'charge');
INSERT INTO atelier.outputs (generation_id, ordinal, kind, url, expires_at) VALUES ('@34', 1, 'image', 'https://o.test/1.png', now());
INSERT INTO atelier.count_repairs (lines) VALUES (1);
INSERT INTO atelier.generation_count_deltas (scope, user_id, workspace_id, hour) VALUES (1, '@12', '@21', 0);
INSERT INTO atelier.spending (day, user_id, usd) VALUES ('2026-01-02', '@12', 0.000001);
INSERT INTO atelier.user_limits (user_id, concurrency, daily_budget_usd) VALUES ('@12', 3, 1.5);
INSERT INTO atelier.models (replicate_model, actions, deadline, enabled) VALUES ('rows/@', '{create}', '1 min', false);
INSERT INTO atelier.prices (rule, metric, tier, valid_from, usd) VALUES ('rows @', 'run', '{"a": [1, "x"]}', '2026-01-02', 0.1);
INSERT INTO atelier.token_state (token_id, reason) SELECT max(id), 'rows' FROM replicate_tokens;
INSERT INTO atelier.user_limits (user_id, concurrency) VALUES ('@11', 3);
INSERT INTO flows (id, user_id, workspace_id, name) VALUES ('@41', '@11', '@21', 'Flow');
INSERT INTO flow_nodes (id, flow_id, block_type, generation_id, data, status, created_by)
VALUES ('@42', '@41', 'image', '@31', '{"prompt": "a"}', 'pending', '@11'), ('@43', '@41', 'text', NULL, '{}', 'idle', '@12'),
       ('@44', '@41', 'video', '@35', '{}', 'failed', '@11');
INSERT INTO flow_edges (flow_id, source_node_id, target_node_id) VALUES ('@41', '@42', '@43');
DELETE FROM flow_nodes WHERE id = '@44';
INSERT INTO flow_members (flow_id, user_id, role, invited_by, accepted_at) VALUES ('@41', '@12', 'viewer', '@11', now());
INSERT INTO flow_invites (flow_id, email, role, token, invited_by) VALUES ('@41', 'cat@rows.test', 'editor', 'rows @', '@11');
INSERT INTO flow_comments (flow_id, user_id, content, position_x, position_y) VALUES ('@41', '@12', 'fine', 0.1, -1e300);
INSERT INTO user_loras (id, user_id, name, trigger_word) VALUES ('@51', '@11', 'Style', 'ROWS@');
INSERT INTO lora_training_images (lora_id, image_url) VALUES ('@51', 'https://o.test/2.png');
INSERT INTO atelier.trainings (lora_id, user_id, trainer, version, state, ended_at) VALUES ('@51', '@11', 'rows/t', 'v', 'failed', now());
INSERT INTO atelier.trainers (trainer, version, rank, enabled) VALUES ('rows/@', repeat('0', 64), 9, false);
INSERT INTO notifications (user_id, type, title) VALUES ('@11', 'update', 'Hello');
INSERT INTO ideas (id, title, user_id) VALUES ('@61', 'More', '@12');
INSERT INTO idea_votes (idea_id, user_id) VALUES ('@61', '@11');
INSERT INTO assistant_conversations (id, user_id) VALUES ('@71', '@11');
INSERT INTO assistant_messages (conversation_id, role, content, images) VALUES ('@71', 'user', 'hi', ARRAY['https://o.test/3.png', NULL]);
INSERT INTO api_logs (method, path, status_code, user_id) VALUES ('GET', '/v1', 200, '@11');
INSERT INTO support_tickets (user_id, message) VALUES ('@12', 'help');
COMMIT;
SQL

# A database of an older version lacks some tables and columns; with old => 1 it gets the rows that it can have.
sub fill_tables {
    my ($node, $database, %options) = @_;
    my $which = sprintf '%02x', $calls++;
    (my $sql = $everything) =~ s/'\@(\d\d)'/"'" . substr($id, 0, -2) . "$which$1'"/ge;
    $sql =~ s/\@(?=')/$which/g;
    if ($options{old}) {
        $node->psql($database, "\\set ON_ERROR_ROLLBACK on\n$sql", on_error_stop => 0);
        return;
    }
    $node->safe_psql($database // 'postgres', $sql);
    return;
}

# The tables of the app schema and of schema atelier, qualified.
sub tables {
    my ($node, $database, $kinds) = @_;
    $kinds //= 'r';
    return split /\n/, $node->safe_psql($database // 'postgres', <<"SQL");
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'atelier') AND c.relkind = ANY (string_to_array('$kinds', NULL)::"char"[])
 ORDER BY 1
SQL
}

# Sorted rows of everything that has some; of a sequence, where it stands.
sub all_rows {
    my ($node, $database) = @_;
    # The kept counts are folded while a test looks on: the same numbers in fewer rows.
    my @tables = grep { !/^atelier\.generation_count/ } tables($node, $database, 'rm');
    # A job may run while a test looks on.
    my %line_of = ('atelier.job_state' => '(t.name, t.since)::text');
    my @sources = (map({ [$_, 'SELECT ' . ($line_of{$_} // "replace(t::text, E'\\n', '|')") . " AS line FROM $_ t"] } @tables),
        map({ [$_, "SELECT concat(last_value, ' ', is_called) AS line FROM $_"] } tables($node, $database, 'S')));
    my $sql = join ' UNION ALL ', map {
        "SELECT '$_->[0]', (SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), '') FROM ($_->[1]) l)"
    } @sources;
    my %rows;
    my $table;
    for my $line (split /\n/, $node->safe_psql($database, "SET timezone = 'UTC'; $sql")) {
        my $rest = $line;
        ($table, $rest) = ($1, $2) if $line =~ /^((?:public|atelier)\.\w+)\|(.*)$/;
        push @{ $rows{$table} }, $rest;
    }
    return \%rows;
}

# Compares all tables but those in the list.
sub same_rows {
    my ($have, $want, $test, @without) = @_;
    my %skip = map { $_ => 1 } @without;
    my %names = map { $_ => 1 } grep { !$skip{$_} } keys %$have, keys %$want;
    my $text = sub { join "\n", @{ $_[0] // ['(not there)'] } };
    my @wrong = grep { $text->($have->{$_}) ne $text->($want->{$_}) } sort keys %names;
    return ok(keys %names > 25 && !@wrong, "$test: the rows are the same")
      || diag(map { "$_\nhave: " . $text->($have->{$_}) . "\nwant: " . $text->($want->{$_}) . "\n" } @wrong);
}

1;
