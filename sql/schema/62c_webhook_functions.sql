-- SPDX-License-Identifier: PostgreSQL
-- What the provider calls, through the gateway and without a session.

CREATE FUNCTION atelier.replicate_webhook(body json, OUT attempt text, OUT result text) RETURNS SETOF record
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'atelier_replicate_webhook';
COMMENT ON FUNCTION atelier.replicate_webhook(json) IS 'takes a webhook of the provider: checks the signature in request.headers and lets the dispatcher look at the prediction at once';

CREATE FUNCTION atelier.webhook_signature(secret text, message_id text, sent_at text, body text) RETURNS text
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'atelier_webhook_signature';
COMMENT ON FUNCTION atelier.webhook_signature(text, text, text, text) IS 'the header webhook-signature of a message, to try one''s own endpoint; null when the secret is none';

CREATE FUNCTION atelier.webhook_functions(OUT signature text, OUT ddl text, OUT callers text, OUT about text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY VALUES
    -- The signature is one of the bytes as they were sent: hence json, and an argument without a name, to which the gateway
    -- gives the whole body. A dump cannot print such an argument in any other form of body than text. A filter on
    -- the result (?attempt=eq.1) is what the gateway takes in the URL of a function.
    ('replicate_webhook(json)', $ddl$
    CREATE FUNCTION @app@.replicate_webhook(json) RETURNS TABLE (attempt text, result text)
    LANGUAGE sql VOLATILE ROWS 1 SET search_path = pg_catalog, pg_temp
    AS 'SELECT w.attempt, w.result FROM atelier.replicate_webhook($1) w'$ddl$, 'anon, authenticated, service_role',
     'for the provider: takes a webhook, and lets the dispatcher look at the prediction at once. Answered with 204, with 400 when it is malformed or old, with 403 when its signature is wrong');
END
$function$;
COMMENT ON FUNCTION atelier.webhook_functions() IS 'part of wanted_functions(): webhooks';

CREATE FUNCTION atelier.grant_webhook_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  GRANT EXECUTE ON FUNCTION atelier.replicate_webhook(json) TO anon, authenticated, service_role;
END
$function$;
COMMENT ON FUNCTION atelier.grant_webhook_functions() IS 'part of grant_functions()';

CREATE FUNCTION atelier.health_webhooks(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  known bigint;
  unknown text;
BEGIN
  check_name := 'webhooks'; status := 'ok'; hint := NULL;
  IF current_setting('atelier.webhook_url') = '' THEN
    detail := 'none are asked for: results arrive by polling alone';
    RETURN NEXT;
    RETURN;
  END IF;
  EXECUTE atelier.in_app_schema($sql$
    SELECT count(w.account), string_agg(coalesce(t.account, 'not known yet'), ', ' ORDER BY t.account) FILTER (WHERE w.account IS NULL)
      FROM (SELECT DISTINCT s.account FROM @app@.replicate_tokens r LEFT JOIN atelier.token_state s ON s.token_id = r.id
             WHERE r.is_active) t
      LEFT JOIN atelier.webhook_secrets w ON w.account = t.account$sql$) INTO known, unknown;
  detail := format('signatures of %s accounts are checked', known);
  IF unknown IS NOT NULL THEN
    status := 'warn';
    detail := CASE WHEN EXISTS (SELECT FROM atelier.webhook_secrets)
                   THEN format('no secret is known of account %s: its webhooks are refused', unknown)
                   ELSE 'no secret is known: webhooks are not checked, and each brings a look forward only once in 5 s' END;
    hint := 'INSERT INTO atelier.webhook_secrets (account, secret) VALUES (''...'', ''whsec_...'');';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_webhooks() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_webhooks() IS 'part of health(): whether the signatures of webhooks can be checked';
