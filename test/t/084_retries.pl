# SPDX-License-Identifier: PostgreSQL
# Which failures of a prediction are tried again, how often and when: each text that is known, by what the stand-in counts. The
# delay is noted where it is written and not waited for. And what counts: predictions that were accepted, in atelier.attempts, since
# somebody queued the generation.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('retries', stand_in => $stand_in, settings => { 'atelier.user_concurrency' => 0 });
my $user = add_user($node);
dispatcher_state($node, 'running', 'the dispatcher runs');

sub sql { return $node->safe_psql('postgres', $_[0]) }

# What goes back to the queue for later is noted and due at once, so that nobody has to wait.
sql(<<'SQL');
CREATE TABLE public.delays (n bigint GENERATED ALWAYS AS IDENTITY, generation_id uuid, seconds integer);
GRANT ALL ON public.delays TO atelier_owner;
CREATE FUNCTION public.note_delay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF isfinite(NEW.not_before) AND EXISTS (SELECT FROM atelier.attempts a WHERE a.generation_id = NEW.generation_id AND a.state IN ('failed', 'aborted')
                                             AND a.number = (SELECT max(b.number) FROM atelier.attempts b WHERE b.generation_id = NEW.generation_id)) THEN
    INSERT INTO public.delays (generation_id, seconds) VALUES (NEW.generation_id, round(extract(epoch FROM NEW.not_before - now())));
    NEW.not_before := '-infinity';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER note_delay BEFORE INSERT ON atelier.queue FOR EACH ROW EXECUTE FUNCTION public.note_delay();
SQL

# Waits for the end of a generation and returns the delays before its second, third ... prediction.
sub delays {
    my ($id, $test) = @_;
    $node->poll_query_until('postgres', "SELECT status IN ('completed', 'failed') FROM public.generations WHERE id = '$id'") or die "$test: does not end";
    return split /,/, sql("SELECT coalesce(string_agg(seconds::text, ',' ORDER BY n), '') FROM public.delays WHERE generation_id = '$id'");
}

# Text, further predictions, least and longest delay in seconds.
my @texts = (
    ['e1000', 1, 5, 61], ['e1001', 0], ['e4875', 0], ['e6716', 2, 15, 90], ['e8367', 1, 5, 61], ['e8765', 1, 60, 600], ['e9243', 1, 5, 61],
    ['e9825', 1, 5, 61], ['e005', 0], ['nsfw', 0], ['safety', 0], ['content-policy', 0], ['moderation', 0], ['e003', 2, 15, 61],
    ['model-rate-limit', 2, 15, 61], ['e004', 2, 15, 61], ['e001', 1, 5, 61], ['pa', 2, 1, 61], ['interrupted', 2, 1, 61], ['e9828', 2, 5, 61],
    ['director-e6716', 2, 15, 90], ['director-e8765', 1, 60, 600], ['director-e1001', 0], ['timeout', 0], ['oom', 0], ['validation', 0],
    ['queue-limit', 1, 15, 61], ['empty', 1, 5, 61], ['null', 1, 5, 61], ['text', 0], ['object', 0]);

subtest 'every text' => sub {
    my %id = map { $_->[0] => queue($node, $user, prompt => "fails $_->[0]", replicate_model => "sim/fail-$_->[0]") } @texts;
    for my $row (@texts) {
        my ($text, $more, $least, $most) = @$row;
        my @delays = delays($id{$text}, $text);
        is(@delays, $more, "$text: $more further predictions");
        ok(!grep({ $_ < $least || $_ > $most } @delays), "$text: after @delays s") if $more;
        is(counts($stand_in, "fails $text"), join(' ', (1 + $more) x 2), "$text: so many are paid");
        status_is($node, $id{$text}, 'failed', "$text: then it fails");
    }
};

# A log that counts to 500 says nothing, nor do words in it.
subtest 'logs' => sub {
    my $id = queue($node, $user, prompt => 'logs', replicate_model => 'sim/fail-text--logs-8');
    is(scalar(my @none = delays($id, 'logs')), 0, 'are not looked at');
};

subtest 'what counts' => sub {
    my $id = queue($node, $user, prompt => 'settings', replicate_model => 'sim/fail-pa', settings => '{"auto_retry_count": 99}');
    is(delays($id, 'settings'), 2, 'settings of a user forbid nothing');
    is(value($node, $id, 'settings'), '{"auto_retry_count": 99}', 'and stay as they are');
    $id = queue($node, $user, prompt => 'more', replicate_model => 'sim/fail-pa', settings => '{"auto_retry_count": -9}');
    is(delays($id, 'more'), 2, 'nor do they allow more');

    $id = queue($node, $user, prompt => 'refused', replicate_model => 'sim/refuse-429-body-x3--fail-pa-x2');
    my @delays = delays($id, 'refused');
    ended($node, $id, 'completed', 'refused: completed');
    is((split / /, counts($stand_in, 'refused'))[1], 3, 'what was refused does not count');
    cmp_ok((split / /, counts($stand_in, 'refused'))[0], '>=', 5, 'though it was sent');

    $id = queue($node, $user, prompt => 'lost', replicate_model => 'sim/reset-after-body-created-x1--fail-pa');
    @delays = delays($id, 'lost');
    is(counts($stand_in, 'lost'), '3 3', 'a prediction whose answer was lost does');
};

subtest 'max_attempts' => sub {
    configure($node, 'atelier.max_attempts' => 2);
    reload($node);
    my $id = queue($node, $user, prompt => 'two', replicate_model => 'sim/fail-pa');
    is(delays($id, 'two'), 1, 'is the most');
    # Somebody who asks for it again permits as many again.
    sql("UPDATE public.generations SET status = 'queued' WHERE id = '$id'");
    is(delays($id, 'two more'), 2, 'an explicit retry counts from itself on');
    is(counts($stand_in, 'two'), '4 4', 'and pays as often');
    is(sql("SELECT string_agg(number || '/' || series, ' ' ORDER BY number) FROM atelier.attempts WHERE generation_id = '$id'"), '1/1 2/1 3/2 4/2', 'as the attempts say');
    # What a process counted the next one goes on with.
    $id = queue($node, $user, prompt => 'after a restart', replicate_model => 'sim/fail-pa--run-2s');
    wait_for($node, "SELECT count(*) = 2 FROM atelier.attempts WHERE generation_id = '$id' AND prediction_id IS NOT NULL", 'the second one runs');
    $node->restart;
    is(delays($id, 'after a restart'), 1, 'it was the last one');
    is(counts($stand_in, 'after a restart'), '2 2', 'after a restart too');
};

$node->stop;
done_testing();
