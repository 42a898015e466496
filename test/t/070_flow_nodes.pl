# SPDX-License-Identifier: PostgreSQL
# The nodes of flows show what becomes of the generations that they are linked to, from the transaction that ends the
# generation; and whatever is wrong with a node, the result of the generation is kept.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('flow_nodes', stand_in => $stand_in, settings => { max_prepared_transactions => 5 });
my $user = add_user($node);
my $flow = '00000000-0000-4000-8000-0000000000f1';
sql_as($node, $user, "INSERT INTO public.flows (id, user_id) VALUES ('$flow', '$user')");
# Which transaction wrote what.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE public.writes (id uuid, relation regclass, status text, transaction xid8);
CREATE FUNCTION public.note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO public.writes VALUES (NEW.id, TG_RELID, NEW.status, pg_current_xact_id());
  RETURN NULL;
END $$;
GRANT INSERT ON public.writes TO atelier_owner;
CREATE TRIGGER note_write AFTER UPDATE ON public.flow_nodes FOR EACH ROW EXECUTE FUNCTION public.note_write();
CREATE TRIGGER note_write AFTER UPDATE ON public.generations FOR EACH ROW EXECUTE FUNCTION public.note_write();
SQL

my $ids = 0;
sub new_id { return sprintf '00000000-0000-4000-8000-%012x', 0xa000 + ++$ids }

# SQL for one generation with as many nodes that wait for it; fills in the ids.
sub generation {
    my ($id, $nodes, %row) = @_;
    my %columns = (
        id => $id, user_id => $user, action => 'create', model_id => 'test', model_name => 'Test', replicate_model => 'sim/instant',
        prompt => 'for a node', %row);
    my @names = sort keys %columns;
    my $values = join ', ', map {"'$columns{$_}'"} @names;
    return 'INSERT INTO public.generations (' . join(', ', @names) . ") VALUES ($values); " . join '; ', map {
        "INSERT INTO public.flow_nodes (id, flow_id, block_type, generation_id, status) VALUES ('$_', '$flow', 'image', '$id', 'pending')"
    } @$nodes;
}

# A generation and its node, in one transaction of the user.
sub start {
    my (%row) = @_;
    my ($id, $block) = (new_id(), new_id());
    sql_as($node, $user, generation($id, [$block], %row));
    return ($id, $block);
}

sub shown {
    my ($block) = @_;
    return $node->safe_psql('postgres',
        "SELECT concat_ws(' ', status, output_type, output_url, error_message) FROM public.flow_nodes WHERE id = '$block'");
}

sub first_url { return value($node, $_[0], 'output_urls[1]') }

subtest 'a result' => sub {
    my ($id, $block) = start();
    my $other = new_id();
    sql_as($node, $user, "INSERT INTO public.flow_nodes (id, flow_id, block_type, status) VALUES ('$other', '$flow', 'image', 'pending')");
    ended($node, $id, 'completed', 'an image is completed');
    is(shown($block), 'completed image ' . first_url($id), 'and so is its node');
    is(shown($other), 'pending', 'a node without a generation is left alone');
    is($node->safe_psql('postgres', <<"SQL"), 1, 'both by one transaction');
SELECT count(DISTINCT transaction) FROM public.writes WHERE id IN ('$id', '$block') AND status = 'completed'
SQL
    is($node->safe_psql('postgres', "SELECT updated_at > created_at FROM public.flow_nodes WHERE id = '$block'"), 't',
        'the node says that it was changed');
};

subtest 'kinds of output' => sub {
    my ($id, $block) = start(action => 'video_create', replicate_model => 'sim/out-video');
    ended($node, $id, 'completed', 'a video is completed');
    is(shown($block), 'completed video ' . first_url($id), 'and shown as one');
    ($id, $block) = start(action => 'analyze_describe', replicate_model => 'sim/out-chunks', input_image_url => 'https://o.test/a.png');
    ended($node, $id, 'completed', 'a text is completed');
    is(shown($block), 'completed text ' . value($node, $id, 'output_text'), 'and shown as one');
    ($id, $block) = start(replicate_model => 'sim/out-urls-3');
    ended($node, $id, 'completed', 'three images are completed');
    is(shown($block), 'completed image ' . first_url($id), 'and the first is shown');
};

subtest 'no result' => sub {
    my ($id, $block) = start(replicate_model => 'sim/fail-e005');
    ended($node, $id, 'failed', 'one fails');
    is(shown($block), 'failed ' . value($node, $id, 'error_message'), 'and its node says why, as the generation does');
    ($id, $block) = start(replicate_model => 'sim/refuse-422-input');
    ended($node, $id, 'failed', 'one is refused');
    is(shown($block), 'failed ' . value($node, $id, 'error_message'), 'and its node says why');
    ($id, $block) = start(replicate_model => 'sim/stuck');
    ended($node, $id, 'processing', 'one is processing');
    is(shown($block), 'processing', 'and so is its node');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($node, $id, 'cancelled', 'it is cancelled');
    is(shown($block), 'failed This generation was cancelled.', 'which nodes know as failed');
};

subtest 'a second attempt' => sub {
    my ($id, $block) = start(replicate_model => 'sim/fail-pa-x1', prompt => 'twice');
    ended($node, $id, 'completed', 'is completed');
    is(counts($stand_in, 'twice'), '2 2', 'after a failure');
    is(shown($block), 'completed image ' . first_url($id), 'of which the node shows nothing');
    is($node->safe_psql('postgres', "SELECT string_agg(status, ' ' ORDER BY transaction) FROM public.writes WHERE id = '$block'"),
        'processing completed', 'and it was written when there was something new');
};

subtest 'cancelled before it was sent' => sub {
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    dispatcher_state($node, 'paused', 'dispatch is paused');
    my ($id, $block) = start();
    is(shown($block), 'pending', 'a node waits');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    is(shown($block), 'failed This generation was cancelled.', 'until the user cancels the generation');
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    dispatcher_state($node, 'running', 'dispatch goes on');
};

subtest 'many at once' => sub {
    my @jobs = map { { id => new_id(), blocks => [map { new_id() } 1 .. $_ % 3] } } 1 .. 30;
    sql_as($node, $user, join ';', map { generation($_->{id}, $_->{blocks}) } @jobs);
    wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE status IN ('queued', 'processing')", 'all end');
    is($node->safe_psql('postgres', <<'SQL'), '30', 'each node shows its own generation');
SELECT count(*) FROM public.flow_nodes n JOIN public.generations g ON g.id = n.generation_id
 WHERE g.prompt = 'for a node' AND n.status = 'completed' AND n.output_url = g.output_urls[1]
   AND g.id IN (SELECT id FROM public.generations ORDER BY created_at DESC LIMIT 30)
SQL
};

subtest 'a node that cannot be written' => sub {
    $node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON public.flow_nodes FOR EACH ROW WHEN (OLD.width = 13) EXECUTE FUNCTION public.refuse();
SQL
    my $credits = $node->safe_psql('postgres', "SELECT credits FROM public.users WHERE id = '$user'");
    my @jobs = map { { id => new_id(), block => new_id() } } 1 .. 3;
    sql_as($node, $user, join(';', map { generation($_->{id}, [$_->{block}], prompt => 'beside') } @jobs)
        . "; UPDATE public.flow_nodes SET width = 13 WHERE id = '$jobs[1]{block}'");
    ended($node, $_->{id}, 'completed', 'the generation is completed') for @jobs;
    is(shown($_->{block}), 'completed image ' . first_url($_->{id}), 'the nodes beside it are written') for @jobs[0, 2];
    is(shown($jobs[1]{block}), 'pending', 'the node is not');
    is($node->safe_psql('postgres', "SELECT credits FROM public.users WHERE id = '$user'"), $credits - 3, 'each is paid once');
    is(counts($stand_in, 'beside'), '3 3', 'and was sent once');
    like(slurp_file($node->logfile), qr/WARNING:  atelier: flow nodes could not be written: not this one/, 'the server log says why');
    $node->safe_psql('postgres', 'DROP TRIGGER refuse ON public.flow_nodes');
};

subtest 'a node that somebody else is writing' => sub {
    my $other = add_user($node);
    my ($id, $block) = start(replicate_model => 'sim/run-500ms');
    $node->safe_psql('postgres', "BEGIN; UPDATE public.flow_nodes SET position_x = 7 WHERE id = '$block'; PREPARE TRANSACTION 'moving'");
    $node->safe_psql('postgres', 'SELECT pg_sleep(1.2)');
    my $meanwhile = queue($node, $other, prompt => 'meanwhile');
    ended($node, $meanwhile, 'completed', 'others are served meanwhile');
    isnt(value($node, $id, 'status'), 'completed', 'the result waits with its node');
    $node->safe_psql('postgres', "COMMIT PREPARED 'moving'");
    ended($node, $id, 'completed', 'and is written when the other has finished');
    is(shown($block), 'completed image ' . first_url($id), 'both are');
    is($node->safe_psql('postgres', "SELECT position_x FROM public.flow_nodes WHERE id = '$block'"), 7, 'what the other wrote stays');
    is($node->safe_psql('postgres', "SELECT count(*) FROM atelier.attempts WHERE generation_id = '$id'"), 1, 'there was one attempt');
};

$node->stop;
done_testing();
