# SPDX-License-Identifier: PostgreSQL
# Keyframe films from the hand-over to the joined video, counted at the stand-in: each part and the joining are paid once,
# also after a failure, a cancel, a retry and crashes in the middle.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $node = atelier_node('films', stand_in => $stand_in, settings => {
    'atelier.fault_folder' => $folder, 'atelier.fault_time_scale' => '0.03', restart_after_crash => 'on', 'atelier.user_concurrency' => 2,
    'atelier.notify' => 'all' });
my $user = add_user($node);
$node->safe_psql('postgres', 'UPDATE public.users SET credits = 1000');

# What joins the parts, under its pinned version.
sub merge_does {
    my ($words) = @_;
    $stand_in->request('PUT', '/_control/models/lucataco/video-merge', { kind => 'community', words => $words,
        version => '65c81d0d0689d8608af8c2f59728135925419f4b5e62065c37fc350130fed67a' });
    return;
}
merge_does('out-video--run-100ms');

# Inserts a film and its parts, one per model; the prompts are NAME 0, NAME 1 ... Returns the id of the film.
sub make_film {
    my ($name, @models) = @_;
    my $group = $node->safe_psql('postgres', 'SELECT gen_random_uuid()');
    my $n = 0;
    for my $model (@models) {
        $node->safe_psql('postgres', <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status, is_keyframe_segment, prompt, settings)
VALUES ('$user', 'video_i2v', 'm', 'M', '$model', 'pending', true, '$name $n', '{"keyframe_group_id": "$group", "keyframe_index": $n}')
SQL
        $n++;
    }
    return sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status, prompt, settings)
VALUES ('$user', 'video_keyframes', 'm', 'A film', 'film', 'pending', '$name',
        '{"keyframe_group_id": "$group", "keyframe_parent": true, "keyframe_total_parts": $n}') RETURNING id
SQL
}

sub hand_over {
    my ($film) = @_;
    return sql_as($node, $user, "UPDATE public.generations SET status = 'queued' WHERE id = '$film'");
}

# The status of the film, its parts in order and what joins them.
sub seen {
    my ($film) = @_;
    return $node->safe_psql('postgres', <<"SQL");
SELECT f.status || ' ' || string_agg(g.status, ' ' ORDER BY p.ordinal)
  FROM public.generations f JOIN atelier.film_parts p ON p.film_id = f.id JOIN public.generations g ON g.id = p.generation_id
 WHERE f.id = '$film' GROUP BY f.status
SQL
}

# How often each part and the joining were posted and accepted.
sub paid {
    my ($name, $parts) = @_;
    my $inputs = $stand_in->request('GET', '/_control/inputs?limit=100000')->{inputs};
    my @counts = map { counts($stand_in, "$name $_") } 0 .. $parts - 1;
    return join ', ', @counts;
}

sub joined {
    my ($film) = @_;
    my $first = $node->safe_psql('postgres',
        "SELECT g.output_urls[1] FROM atelier.film_parts p JOIN public.generations g ON g.id = p.generation_id WHERE p.film_id = '$film' AND p.ordinal = 0");
    my ($found) = grep { ref $_->{input}{video_files} && $_->{input}{video_files}[0] eq $first }
      @{ $stand_in->request('GET', '/_control/inputs?limit=100000')->{inputs} };
    return $found ? "$found->{posts} $found->{accepted}" : '0 0';
}

my $credits = "SELECT credits FROM public.users WHERE id = '$user'";
my $run = 'sim/run-200ms--out-video';

subtest 'three parts' => sub {
    my $had = $node->safe_psql('postgres', $credits);
    my $film = make_film('three', ($run) x 3);
    my $flow = sql_as($node, $user, "INSERT INTO public.flows (user_id) VALUES ('$user') RETURNING id");
    sql_as($node, $user, "INSERT INTO public.flow_nodes (flow_id, block_type, generation_id, status) VALUES ('$flow', 'video', '$film', 'pending')");
    hand_over($film);
    ended($node, $film, 'completed', 'the film is completed');
    is(seen($film), 'completed completed completed completed completed', 'with its parts and the joining');
    is(paid('three', 3), '1 1, 1 1, 1 1', 'each part is sent once');
    is(joined($film), '1 1', 'and joined once');
    is($node->safe_psql('postgres', "SELECT n.status || ' ' || (n.output_url = f.output_urls[1]) FROM public.flow_nodes n, public.generations f WHERE f.id = '$film'"),
        'completed true', 'its node in a flow shows it');
    is($node->safe_psql('postgres', $credits), $had - 4, 'four generations are charged, the film itself is not');
    is($node->safe_psql('postgres', <<"SQL"), 't t t t t', 'one after the other, hidden, with the result of the joining, its files and a notice');
SELECT concat_ws(' ', bool_and(s.started), bool_and(g.is_keyframe_segment), bool_and(f.output_urls = m.output_urls),
                 (SELECT count(*) = 1 AND bool_and(o.expires_at > now()) FROM atelier.outputs o WHERE o.generation_id = '$film'),
                 (SELECT count(*) = 1 FROM public.notifications n WHERE n.title = 'Generation completed: A film'))
  FROM public.generations f
  JOIN atelier.film_parts p ON p.film_id = f.id
  JOIN public.generations g ON g.id = p.generation_id
  JOIN (SELECT w.generation_id,
               a.sent_at >= coalesce(lag((r.replicate_output ->> 'completed_at')::timestamptz) OVER (ORDER BY w.ordinal), '-infinity') AS started
          FROM atelier.film_parts w
          JOIN atelier.attempts a ON a.generation_id = w.generation_id
          JOIN public.generations r ON r.id = w.generation_id
         WHERE w.film_id = '$film') s ON s.generation_id = g.id
  JOIN atelier.film_parts mp ON mp.film_id = f.id AND mp.ordinal IS NULL JOIN public.generations m ON m.id = mp.generation_id
 WHERE f.id = '$film'
SQL
};

subtest 'one part' => sub {
    my $film = make_film('one', $run);
    hand_over($film);
    ended($node, $film, 'completed', 'the film is completed');
    is(seen($film), 'completed completed', 'with its part');
    is(paid('one', 1), '1 1', 'which was sent once');
};

subtest 'the second part fails' => sub {
    my $film = make_film('second', $run, 'sim/fail-nsfw-x1--out-video', $run);
    hand_over($film);
    ended($node, $film, 'failed', 'the film fails');
    is(seen($film), 'failed completed failed cancelled', 'and what waits is cancelled');
    like(value($node, $film, 'error_message'), qr/^Part 2 of 3: /, 'the message names the part');
    is(sql_as($node, $user, "SELECT retry_generation('$film')"), 'queued', 'tried again');
    ended($node, $film, 'completed', 'it is completed');
    is(paid('second', 3), '1 1, 2 2, 1 1', 'what was missing is paid, nothing else');
    is(joined($film), '1 1', 'and joined once');
};

subtest 'the joining fails' => sub {
    merge_does('fail-nsfw-x1--out-video');
    my $film = make_film('joining', ($run) x 2);
    hand_over($film);
    ended($node, $film, 'failed', 'the film fails');
    like(value($node, $film, 'error_message'), qr/^Joining the parts: /, 'and says so');
    sql_as($node, $user, "SELECT retry_generation('$film')");
    ended($node, $film, 'completed', 'tried again, it is completed');
    is(paid('joining', 2), '1 1, 1 1', 'no part is paid again');
    is(joined($film), '2 2', 'only the joining');
    merge_does('out-video--run-100ms');
};

subtest 'cancelled in the middle' => sub {
    my $film = make_film('cancelled', $run, 'sim/stuck', $run);
    hand_over($film);
    wait_for($node, "SELECT status = 'processing' FROM public.generations WHERE prompt = 'cancelled 1'", 'the second part runs');
    is(sql_as($node, $user, "SELECT cancel_generation('$film')"), 'cancelled', 'the film is cancelled');
    wait_for($node, "SELECT status = 'cancelled' FROM public.generations WHERE prompt = 'cancelled 1'", 'at the provider too');
    is($stand_in->request('GET', '/_control/stats')->{predictions}{canceled}, 1, 'which has cancelled one prediction');
    is(seen($film), 'cancelled completed cancelled cancelled', 'nothing is started');
    $node->safe_psql('postgres', "UPDATE public.generations SET replicate_model = '$run' WHERE prompt = 'cancelled 1'");
    sql_as($node, $user, "SELECT retry_generation('$film')");
    ended($node, $film, 'completed', 'tried again, it is completed');
    is(paid('cancelled', 3), '1 1, 2 2, 1 1', 'and only what was missing is paid');
};

subtest 'H38: waiting for long' => sub {
    my $film = make_film('long', 'sim/run-2s--out-video', $run);
    hand_over($film);
    wait_for($node, "SELECT status = 'processing' FROM public.generations WHERE prompt = 'long 0'", 'the first part runs');
    $node->safe_psql('postgres', "UPDATE public.generations SET created_at = now() - interval '3 days', started_at = now() - interval '3 days' WHERE prompt LIKE 'long%'");
    $node->safe_psql('postgres', "SELECT atelier.run_job('$_')") for split /\n/, $node->safe_psql('postgres', 'SELECT name FROM atelier.jobs');
    is(seen($film), 'processing processing pending', 'neither the film nor what waits of it ends over that');
    ended($node, $film, 'completed', 'it is completed');
    is(paid('long', 2), '1 1, 1 1', 'and paid once');
};

subtest 'credits run out' => sub {
    set_to($node, enforce_credits => 'on');
    my $had = $node->safe_psql('postgres', $credits);
    $node->safe_psql('postgres', "UPDATE public.users SET credits = 1 WHERE id = '$user'");
    my $film = make_film('credits', ($run) x 2);
    hand_over($film);
    ended($node, $film, 'failed', 'the film fails');
    is(value($node, $film, 'error_message'), 'Part 2 of 2: not enough credits', 'and says why');
    is(seen($film), 'failed completed cancelled', 'the part before it has its result');
    is(paid('credits', 2), '1 1, 0 0', 'nothing more is sent');
    is($node->safe_psql('postgres', $credits), 0, 'and nothing is held');
    $node->safe_psql('postgres', "UPDATE public.users SET credits = $had WHERE id = '$user'");
    sql_as($node, $user, "SELECT retry_generation('$film')");
    ended($node, $film, 'completed', 'with new credits it goes on');
    set_to($node, enforce_credits => undef);
};

subtest 'a film that the app drives' => sub {
    my $film = make_film('app', ($run) x 2);
    $node->safe_psql('postgres', "SET ROLE service_role; UPDATE public.generations SET status = 'processing' WHERE id = '$film'");
    my $other = make_film('beside', $run);
    hand_over($other);
    ended($node, $other, 'completed', 'while another film is made');
    is(paid('app', 2), '0 0, 0 0', 'nothing of it is sent');
};

# One point after the other, in a film each: the process that gets there falls, and the film goes on.
my $number = 0;
for my $point (qw(claim_committed request_sent accepted_written accepted_committed result_written result_committed)) {
    for my $action ('crash', 'exit', 'error') {
        next if $action eq 'error' && $point =~ /committed|sent/;
        subtest "$point: $action" => sub {
            my $name = 'fault ' . ++$number;
            my $film = make_film($name, ($run) x 2);
            append_to_file("$folder/$point.new", "$action:2");
            rename "$folder/$point.new", "$folder/$point" or die $!;
            eventually('handed over', sub { eval { hand_over($film); 1 } });
            eventually('the point is reached', sub { -s "$folder/$point.fired" });
            eventually('the film is completed', sub { eval { value($node, $film, 'status') eq 'completed' } });
            like(paid($name, 2), qr/^\d+ 1, \d+ 1$/, 'each part is paid once');
            like(joined($film), qr/^\d+ 1$/, 'so is the joining');
            is(seen($film), 'completed completed completed completed', 'and there is no second one');
            unlink glob "$folder/*";
        };
    }
}

$node->stop;
done_testing();
