-- SPDX-License-Identifier: PostgreSQL
-- Invitations, members and comments of flows, and the functions about flows.
BEGIN;
SELECT plan(68);
\ir lib/flows.sql

-- Runs the query as the caller, keeps what it did and returns its value.
CREATE FUNCTION pg_temp.done(caller text, query text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
  value text;
BEGIN
  PERFORM pg_temp.become(caller);
  EXECUTE query INTO value;
  PERFORM pg_temp.become('superuser');
  RETURN value;
END $$;

-- Making invitations
SELECT is(pg_temp.answer('owner', $$INSERT INTO flow_invites (flow_id, email, role, token, expires_at, used_at, created_at)
            VALUES (pg_temp.f('private'), ' New@Flows.TEST ', 'viewer', 'mine', now() + interval '1 year', now(), '2001-01-01')
            ON CONFLICT DO NOTHING RETURNING token$$), '23505', 'a second open invitation of an address is refused, in whatever case');
SELECT is(pg_temp.answer('owner', $$INSERT INTO flow_invites (flow_id, email, role, token, expires_at, used_at, created_at)
            VALUES (pg_temp.f('private'), ' Two@Flows.TEST ', 'viewer', 'mine', now() + interval '1 year', now(), '2001-01-01')
            RETURNING concat_ws(' ', email, token ~ '^[0-9a-f]{64}$', expires_at = now() + interval '7 days', used_at IS NULL, created_at = now(),
                                invited_by = pg_temp.f('owner'))$$), 'two@flows.test t t t t t',
          'the user says whom and as what; token and times are not his to say');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_invites (flow_id, email) VALUES (pg_temp.f('private'), 'editor@flows.test')$$), '23505', 'a member is not invited');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_invites (flow_id, email) VALUES (pg_temp.f('private'), 'owner@flows.test')$$), '23505', 'H12: nor the owner');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_invites (flow_id, email) VALUES (pg_temp.f('private'), 'mate@flows.test')$$), '1', 'after an expired or a used one there may be another');
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_invites (flow_id, email) VALUES (pg_temp.f('shared'), 'waiting@flows.test')$$), '1', 'who has not accepted is no member yet');
SELECT is(pg_temp.outcome('service_role', $$INSERT INTO flow_invites (flow_id, email, invited_by) VALUES (pg_temp.f('private'), 'STRANGER@flows.test', pg_temp.f('owner'))$$),
          '23505', 'the same holds for service_role');
SELECT is(pg_temp.outcome('owner', format($$INSERT INTO flow_invites (flow_id, email) VALUES (pg_temp.f('private'), %L)$$, address)), '22023', 'no address: ' || translate(left(address, 20), E'\n', '|'))
  FROM unnest(ARRAY['', 'x', '@x', 'x@', 'a@b@c', 'a b@c', E'a@b\nc', repeat('x', 320) || '@x']) address;
SELECT is(pg_temp.outcome('owner', $$INSERT INTO flow_invites (flow_id, email, role) VALUES (pg_temp.f('private'), 'y@flows.test', 'owner')$$), '23514', 'nobody is invited as owner');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO flow_invites (flow_id, email, invited_by) VALUES (pg_temp.f('private'), 'z@flows.test', pg_temp.f('owner'))
            RETURNING created_by$$), pg_temp.f('owner')::text, 'created_by is the second name of invited_by');

-- Seeing one
SELECT is(pg_temp.answer('stranger', $$SELECT concat_ws(' ', flow_id = pg_temp.f('private'), flow_name, role, expires_at = now() + interval '1 day', invited_by_name)
            FROM get_flow_invite(invite_token => 'open invite')$$), 't Private editor t Owner', 'H12: the invited person sees the invitation');
SELECT is(pg_temp.answer(c.caller, format('SELECT count(*) FROM get_flow_invite(%L)', c.token)), c.expected, format('H12: %s does not see the %s', c.caller, c.token))
  FROM (VALUES ('mate', 'open invite', '0'), ('owner', 'open invite', '0'), ('nobody', 'open invite', '0'), ('anon', 'open invite', '42501'),
               ('mate', 'expired invite', '0'), ('mate', 'used invite', '0'), ('stranger', 'no invite', '0'), ('service_role', 'open invite', '0')) c (caller, token, expected);
UPDATE users SET is_active = false WHERE id = pg_temp.f('stranger');
SELECT is(pg_temp.answer('stranger', $$SELECT count(*) FROM get_flow_invite('open invite')$$), '0', 'nor does a deactivated user');
SELECT is(pg_temp.answer('stranger', $$SELECT accept_flow_invite('open invite') ->> 'error'$$), 'Unauthorized', 'nor accept it');
UPDATE users SET is_active = true WHERE id = pg_temp.f('stranger');

-- Accepting one
SELECT is(pg_temp.answer(c.caller, format('SELECT accept_flow_invite(%L) ->> ''error''', c.token)), c.expected, format('H12: %s, %s: %s', c.caller, coalesce(c.token, 'null'), c.expected))
  FROM (VALUES ('mate', 'open invite', 'Invalid or expired invite'), ('owner', 'open invite', 'Invalid or expired invite'),
               ('mate', 'expired invite', 'Invalid or expired invite'), ('mate', 'used invite', 'Invalid or expired invite'),
               ('mate', 'no invite', 'Invalid or expired invite'), ('mate', NULL, 'Invalid or expired invite'),
               ('nobody', 'open invite', 'Unauthorized'), ('impostor', 'open invite', 'Unauthorized'), ('service_role', 'open invite', 'Unauthorized'),
               ('anon', 'open invite', '42501')) c (caller, token, expected);
SELECT is(pg_temp.answer('mate', $$SELECT accept_flow_invite('open invite') ->> 'error'
            FROM set_config('request.jwt.claims', json_build_object('role', 'authenticated', 'sub', pg_temp.f('mate'), 'email', 'stranger@flows.test')::text, true)$$),
          'Invalid or expired invite', 'H12: the e-mail is that of the profile, not of the claims');
SAVEPOINT accepting;
UPDATE flow_invites SET email = 'Stranger@Flows.Test' WHERE id = pg_temp.f('open invite');
CREATE TEMP TABLE accepted AS
SELECT pg_temp.done('stranger', $$SELECT accept_flow_invite(invite_token => 'open invite')$$)::jsonb AS answer;
SELECT is((SELECT answer FROM accepted),
          (SELECT jsonb_build_object('success', true, 'flow_id', m.flow_id, 'member_id', m.id) FROM flow_members m WHERE m.user_id = pg_temp.f('stranger')),
          'H12: the invited person accepts');
SELECT is((SELECT concat_ws(' ', role, invited_by = pg_temp.f('owner'), accepted_at = now()) FROM flow_members WHERE user_id = pg_temp.f('stranger')),
          'editor t t', 'H12: and is a member with the role of the invitation, who has accepted');
SELECT is((SELECT used_at FROM flow_invites WHERE id = pg_temp.f('open invite')), now(), 'H12: the invitation is used');
SELECT is(pg_temp.answer('stranger', $$SELECT accept_flow_invite('open invite') ->> 'error'$$), 'Invalid or expired invite', 'H12: and works once');
SELECT is(pg_temp.outcome('stranger', $$UPDATE flows SET name = 'x' WHERE id = pg_temp.f('private')$$), '1', 'the new editor edits');
ROLLBACK TO accepting;
INSERT INTO flow_members (flow_id, user_id, role) VALUES (pg_temp.f('private'), pg_temp.f('stranger'), 'viewer');
SELECT is(pg_temp.done('stranger', $$SELECT accept_flow_invite('open invite') ->> 'success'$$), 'true', 'H12: who is a member already accepts too');
SELECT is((SELECT concat_ws(' ', role, accepted_at = now()) FROM flow_members WHERE user_id = pg_temp.f('stranger')), 'editor t',
          'H12: and gets the role of the invitation, and has accepted');
ROLLBACK TO accepting;

-- Members
SELECT is(pg_temp.answer('owner', $$INSERT INTO flow_members (flow_id, user_id, role, invited_by, accepted_at)
            VALUES (pg_temp.f('shared'), pg_temp.f('stranger'), 'editor', pg_temp.f('mate'), now()) RETURNING concat_ws(' ', invited_by = pg_temp.f('owner'), accepted_at IS NULL)$$),
          't t', 'nobody accepts for another');
SELECT is(pg_temp.answer('service_role', $$INSERT INTO flow_members (flow_id, user_id, role, accepted_at)
            VALUES (pg_temp.f('shared'), pg_temp.f('stranger'), 'editor', now()) RETURNING accepted_at = now()$$), 'true', 'but the app does when it makes a workspace flow');

-- Comments
SELECT is(pg_temp.answer('mate', $$INSERT INTO flow_comments (flow_id, user_id, content, is_resolved, read_by, parent_id)
            VALUES (pg_temp.f('shared'), pg_temp.f('mate'), 'c', true, ARRAY[pg_temp.f('owner')], pg_temp.f('viewer comment'))
            RETURNING concat_ws(' ', is_resolved, read_by = ARRAY[pg_temp.f('mate')])$$), 'f t', 'a comment is born open and read by its author');
SELECT is(pg_temp.outcome(c.caller, $$INSERT INTO flow_comments (flow_id, user_id, content, parent_id)
            VALUES (pg_temp.f('shared'), pg_temp.f('mate'), 'c', pg_temp.f('stranger comment'))$$), '23514', 'H15: an answer to a comment on another flow is refused, ' || c.caller)
  FROM (VALUES ('mate'), ('service_role')) c (caller);
GRANT UPDATE ON flow_comments TO authenticated;
SELECT is(pg_temp.outcome('viewer', format('UPDATE flow_comments SET %s WHERE id = pg_temp.f(''viewer comment'')', c.change)), '42501', 'H15: the author cannot ' || c.what)
  FROM (VALUES ('flow_id = pg_temp.f(''private'')', 'move a comment to another flow'), ('parent_id = pg_temp.f(''viewer comment'')', 'give it another parent'),
               ('node_id = ''n''', 'put it on another node'), ('user_id = pg_temp.f(''mate'')', 'give it away'), ('created_at = now() + interval ''1 day''', 'date it')) c (change, what);
SELECT is(pg_temp.answer('mate', $$UPDATE flow_comments SET read_by = ARRAY[pg_temp.f('mate')] WHERE id = pg_temp.f('viewer comment')
            RETURNING read_by = ARRAY[pg_temp.f('viewer'), pg_temp.f('mate')]$$), 'true', 'H15: a reader adds himself, and the readers before him stay');
SELECT is(pg_temp.outcome('mate', $$UPDATE flow_comments SET read_by = read_by || pg_temp.f('boss') WHERE id = pg_temp.f('viewer comment')$$), '42501',
          'H15: and nobody else');
SELECT is(pg_temp.answer('mate', $$UPDATE flow_comments SET read_by = '{}' WHERE id = pg_temp.f('viewer comment') RETURNING read_by = ARRAY[pg_temp.f('viewer')]$$), 'true',
          'H15: and removes nobody');
SELECT is(pg_temp.answer('service_role', $$UPDATE flow_comments SET read_by = ARRAY[pg_temp.f('boss')] WHERE id = pg_temp.f('viewer comment')
            RETURNING read_by = ARRAY[pg_temp.f('viewer'), pg_temp.f('boss')]$$), 'true', 'H15: the lists that the app writes are merged too');

-- Functions
SELECT is(pg_temp.answer(c.caller, $$SELECT update_flow_status(flow_uuid => pg_temp.f('shared'), new_status => 'review')::text$$), c.expected,
          format('H3: %s changes the status of a flow: %s', c.caller, c.expected))
  FROM (VALUES ('mate', 'null'), ('viewer', '42501'), ('anon', '42501'), ('service_role', 'null')) c (caller, expected);
SELECT is(pg_temp.answer('owner', $$SELECT update_flow_status(pg_temp.f('shared'), 'lost')::text$$), '23514', 'to one of four values');
SELECT pg_temp.done('mate', $$SELECT update_flow_status(pg_temp.f('shared'), 'done')$$);
SELECT is((SELECT status FROM flows WHERE id = pg_temp.f('shared')), 'done', 'a member of the workspace moves the card');
SELECT is(pg_temp.answer('service_role', $$SELECT get_flow_workspace(flow_uuid => pg_temp.f('shared'))$$), pg_temp.f('team')::text, 'H3: service_role asks for the workspace of a flow');
SELECT is(pg_temp.answer('owner', $$SELECT get_flow_workspace(pg_temp.f('shared'))$$), '42501', 'H3: and nobody else');
SELECT * FROM finish();
ROLLBACK;
