# SPDX-License-Identifier: PostgreSQL
# What the dispatcher makes of atelier.models and atelier.prices: the version that is sent, the deadline, the cost of every
# attempt; and atelier.outputs, the files that die at the provider.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('money', stand_in => $stand_in, settings => { 'atelier.user_concurrency' => 0 });
my $user = add_user($node);
dispatcher_state($node, 'running', 'the dispatcher runs');

sub sql { return $node->safe_psql('postgres', $_[0]) }

# Cost and rule of the attempts of a generation, in their order, then the cost of the generation itself.
sub costs {
    my ($id) = @_;
    return sql(<<"SQL");
SELECT concat_ws(' | ', (SELECT string_agg(concat_ws(' ', coalesce(a.cost_usd::text, 'unknown'), a.cost_rule), ', ' ORDER BY a.number)
                           FROM atelier.attempts a WHERE a.generation_id = g.id), coalesce(g.cost_usd::text, 'none'))
  FROM public.generations g WHERE g.id = '$id'
SQL
}

sub run {
    my ($prompt, $model, $status, %row) = @_;
    my $id = queue($node, $user, prompt => $prompt, replicate_model => $model, %row);
    ended($node, $id, $status // 'completed', "$prompt: " . ($status // 'completed'));
    return $id;
}

# A community model runs by version only, so it shows which version was sent.
subtest 'the pinned version' => sub {
    my $version = sql("SELECT encode(sha256('community/paint'), 'hex')");
    sql("INSERT INTO atelier.models (replicate_model, version) VALUES ('community/paint', '$version')");
    run('pinned', 'community/paint');
    is(counts($stand_in, 'pinned'), '1 1', 'pinned: sent by version at once');
    my $other = sql("SELECT encode(sha256('community/ok'), 'hex')");
    run('another version', "community/ok:$other");
    is(counts($stand_in, 'another version'), '1 1', 'a version in the row is sent as it is');
    sql("UPDATE atelier.models SET version = repeat('0', 64) WHERE replicate_model = 'community/paint'");
    run('changed', 'community/paint', 'failed');
    is(counts($stand_in, 'changed'), '1 0', 'changed: a change counts at once');
};

subtest 'the deadline' => sub {
    my $time = sub { return sql("SELECT deadline - sent_at FROM atelier.attempts WHERE generation_id = '$_[0]'") };
    is($time->(run('usual', 'sim/instant')), '00:05:00', 'usual: the setting\'s');
    sql("INSERT INTO atelier.models (replicate_model, deadline) VALUES ('sim/instant', '7 min')");
    is($time->(run('own', 'sim/instant')), '00:07:00', 'own: the model\'s');
    sql("UPDATE atelier.models SET deadline = NULL WHERE replicate_model = 'sim/instant'");
    is($time->(run('usual again', 'sim/instant', undef, action => 'video_create')), '00:30:00', 'video: the setting\'s');
};

subtest 'the cost of every attempt' => sub {
    is(costs(run('not listed', 'sim/ok')), 'unknown | none', 'not listed: unknown');
    sql(<<'SQL');
INSERT INTO atelier.models (replicate_model, price_rule)
SELECT 'sim/' || m, 'test' FROM unnest('{ok,fail-e005,fail-pa-x1,no-metrics,refuse-422-input,end-aborted,stuck,out-empty,exponent}'::text[]) m;
INSERT INTO atelier.prices (rule, usd) VALUES ('test', 1);
SQL
    my $seconds = sub { return sql("SELECT string_agg(round(predict_time::numeric, 6) || ' test', ', ' ORDER BY number) FROM atelier.attempts WHERE generation_id = '$_[0]'") };
    my $id = run('listed', 'sim/ok');
    is(costs($id), $seconds->($id) . ' | ' . ($seconds->($id) =~ s/ test//r), 'listed: seconds times price, and the generation\'s the same');
    cmp_ok(value($node, $id, 'cost_usd'), '>', 0, 'listed: it was something');
    $id = run('failed', 'sim/fail-e005', 'failed');
    is(costs($id), $seconds->($id) . ' | none', 'failed: what ran has its cost on the attempt');
    $id = run('twice', 'sim/fail-pa-x1');
    my ($first, $second) = split /, /, $seconds->($id);
    is(costs($id), "$first, $second | " . ($second =~ s/ test//r), 'twice: each has its cost, the generation the winner\'s');
    $id = run('empty', 'sim/out-empty', 'failed');
    is(costs($id), $seconds->($id) . ' | none', 'empty: no result, but it ran');
    is(costs(run('no metrics', 'sim/no-metrics')), 'unknown | none', 'no metrics: unknown');
    is(costs(run('exponent', 'sim/exponent')), '0.000003 test | 0.000003', 'an exponent is a number');
    is(costs(run('refused', 'sim/refuse-422-input', 'failed')), 'unknown | none', 'refused: nothing ran');
    $id = queue($node, $user, prompt => 'cancelled', replicate_model => 'sim/stuck');
    wait_for($node, "SELECT state = 'running' FROM atelier.attempts WHERE generation_id = '$id'", 'cancelled: runs');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($node, $id, 'cancelled', 'cancelled: is cancelled');
    is(costs($id), $seconds->($id) . ' | none', 'cancelled: the time that it ran');
    configure($node, 'atelier.max_attempts' => 1);
    reload($node);
    is(costs(run('aborted', 'sim/end-aborted', 'failed')), '0 | none', 'aborted: never ran, is free');
    is(sql(<<'SQL'), 't', 'what a day has cost is kept, for each user and for all');
SELECT array_agg(s.usd ORDER BY s.user_id) = ARRAY[(SELECT sum(a.cost_usd) FROM atelier.attempts a), (SELECT sum(a.cost_usd) FROM atelier.attempts a)]
  FROM atelier.spending s
SQL
};

subtest 'prices' => sub {
    sql(<<'SQL');
UPDATE atelier.models SET price_rule = 'per run' WHERE replicate_model = 'sim/ok';
INSERT INTO atelier.prices (rule, metric, tier, valid_from, usd) VALUES
  ('per run', 'run', '{}', '-infinity', 1), ('per run', 'run', '{}', now() - interval '1 h', 2), ('per run', 'run', '{}', now() + interval '1 h', 3);
SQL
    is(costs(run('per run', 'sim/ok')), '2.000000 per run | 2.000000', 'the newest that has begun');
    sql(q(UPDATE atelier.prices SET tier = '{"model_variant": "pro"}' WHERE usd = 2));
    is(costs(run('tier', 'sim/ok')), '1.000000 per run | 1.000000', 'a tier that does not fit is passed over');
    sql(q(DELETE FROM atelier.prices WHERE usd = 1));
    is(costs(run('no price', 'sim/ok')), 'unknown | none', 'without a price that fits it is unknown');
};

subtest 'outputs' => sub {
    my $outputs = sub {
        return sql(<<"SQL");
SELECT string_agg(concat_ws(' ', o.ordinal, o.kind, left(o.url, 24), o.expires_at - g.completed_at BETWEEN '59 min' AND '61 min'), ', ' ORDER BY o.ordinal)
  FROM public.generations g LEFT JOIN atelier.outputs o ON o.generation_id = g.id WHERE g.id = '$_[0]'
SQL
    };
    my $url = 'https://replicate.delivery'; $url = substr $url, 0, 24;
    my $id = run('three files', 'sim/out-urls-3');
    is($outputs->($id), join(', ', map { "$_ image $url t" } 1 .. 3), 'three files: with their order and end');
    is(sql("SELECT array_agg(url ORDER BY ordinal) = (SELECT output_urls FROM public.generations WHERE id = '$id') FROM atelier.outputs WHERE generation_id = '$id'"), 't', 'three files: the addresses');
    like($outputs->(run('video', 'sim/out-video')), qr/^1 video/, 'video: its kind');
    like($outputs->(run('data', 'sim/out-data')), qr/^1 image data:image\/\w+;base64$/, 'data: it is in the row and lives as long');
    is($outputs->(run('text', 'sim/out-text', undef, action => 'analyze_describe', input_image_url => 'https://example.org/a.png')), '', 'text: no file');
    is($outputs->(run('none', 'sim/out-null', 'failed')), '', 'none: no file');
    is(health($node, 'outputs')->{status}, 'ok', 'health() counts none that expires soon');
    sql("UPDATE atelier.outputs SET expires_at = now() + interval '14 min' WHERE generation_id = '$id'");
    is(health($node, 'outputs')->{detail}, '3 files expire within 15 minutes', 'health() counts those that do');
    sql("UPDATE atelier.outputs SET expires_at = now() - interval '23 h' WHERE generation_id = '$id'");
    is(sql('SELECT atelier.forget_outputs()'), 0, 'dead ones are kept for a day');
    is(sql("SELECT atelier.forget_outputs('22 h')"), 3, 'and then forgotten');
    $id = run('deleted', 'sim/out-urls-3');
    sql("DELETE FROM public.generations WHERE id = '$id'");
    is(sql("SELECT count(*) FROM atelier.outputs WHERE generation_id = '$id'"), 0, 'deleted: nothing is left');
};

$node->stop;
done_testing();
