# SPDX-License-Identifier: PostgreSQL
"""Creating requests: how strictly they are read, and every way in which they are refused, answered or lost."""

import hashlib
import json
import socket
import time

from client import OTHER, TOKEN, lost
from tap import ok, same

JSON = {"Content-Type": "application/json"}
NOT_FOUND = {"detail": "The requested resource could not be found.", "status": 404}


def problem(answer, status, title, name):
    """A problem document with that title."""
    same((answer.status, answer.headers["Content-Type"], answer.json["title"], answer.json["status"]),
         (status, "application/problem+json", title, status), name)


def test_strictness(api):
    body = {"input": {"prompt": "x"}}
    path = "/v1/models/sim/ok/predictions"
    unauthenticated = api.request("GET", "/v1/account", token=None)
    problem(unauthenticated, 401, "Unauthenticated", "no token: 401")
    same(unauthenticated.json["detail"], "You did not pass a valid authentication token", "with the service's text")
    problem(api.request("POST", path, body, token=None), 401, "Unauthenticated", "nor may it create")
    same(api.accepted("x"), (1, 0), "but the request is counted")
    same(api.request("GET", "/v1/account", token="sk_1").status, 401, "a token of another form: 401")
    same(api.request("GET", "/v1/account").json["username"], "acme", "the account is in the token")
    same(api.request("GET", "/v1/account", token="r8_plain").json["username"], "default", "or it is the default one")
    nothing = api.request("GET", "/v1/nothing")
    same((nothing.status, nothing.headers["Content-Type"], nothing.json), (404, "application/problem+json", NOT_FOUND),
         "unknown route: 404")
    same(api.get("0123456789abcdefghjkmnpqrs").json, NOT_FOUND, "unknown prediction: 404")
    problem(api.request("PUT", "/v1/predictions", {}), 405, "Method not allowed", "wrong method: 405")
    problem(api.request("POST", path, json.dumps(body), headers={"Content-Type": "text/plain"}), 415,
            "Unsupported media type", "415")
    same(api.request("POST", path, json.dumps(body), headers={"Content-Type": "application/json; charset=utf-8"}).status,
         201, "a charset is no other type")
    problem(api.request("POST", path, b"{", headers=JSON), 400, "Bad request", "broken JSON: 400")
    same(api.request("POST", path, b'{"input":{"prompt":"\xff"}}', headers=JSON).status, 400, "no UTF-8: 400")
    deep = b'{"input":' + b"[" * 100000 + b"]" * 100000 + b"}"
    same(api.request("POST", path, deep, headers=JSON).status, 400, "nested JSON: 400")
    raw = socket.create_connection(("127.0.0.1", api.port))
    raw.sendall(b"GET /v1/account HTTP/1.1\r\n\r\n")
    ok(raw.recv(100).startswith(b"HTTP/1.1 400"), "a request without Host: 400")
    raw.close()
    api.set(max_body_bytes=100)
    problem(api.create("ok", "x" * 200), 413, "Payload too large", "a body that is too large: 413")


def test_validation(api):
    path = "/v1/models/sim/ok/predictions"
    extra = api.request("POST", "/v1/predictions", {"input": {}, "model": "sim/ok"})
    problem(extra, 422, "Input validation failed", "extra field and no version: 422")
    ok("version is required" in extra.json["detail"] and "Additional property model" in extra.json["detail"], "both told")
    for wrong, name in (({"input": {}, "version": "sim/ok"}, "a version on the models route"),
                        ({"input": []}, "an input that is no object"), ({}, "no input"), ([], "no object at all"),
                        ({"input": {}, "webhook": "http://studio.example/x"}, "a webhook over plain http"),
                        ({"input": {}, "webhook": "studio"}, "a webhook that is no URL"),
                        ({"input": {}, "webhook_events_filter": ["end"]}, "an unknown event"),
                        ({"input": {}, "stream": "yes"}, "a field of another type")):
        problem(api.request("POST", path, wrong), 422, "Input validation failed", name + ": 422")
    for duration, status in (("3s", 422), ("5s", 201), ("1h30m45s", 201), ("25h", 422), ("soon", 422)):
        same(api.create("ok", headers={"Cancel-After": duration}).status, status, f"Cancel-After {duration}: {status}")
    strict = api.request("POST", "/v1/models/sim/strict-input/predictions", {"input": {"aspect_ratio": "7:1", "n": 1}})
    problem(strict, 422, "Input validation failed", "a model that validates its input")
    same(sorted(f["type"] for f in strict.json["invalid_fields"]), ["additional_property_not_allowed", "enum", "required"],
         "tells the invalid fields")
    same(sorted(strict.json["invalid_fields"][0]), ["description", "field", "type"], "with type, field and description")
    ok(strict.json["detail"].startswith("- ") and strict.json["detail"].endswith("\n"), "and lists them as text")


def test_models(api):
    def by_version(version):
        return api.request("POST", "/v1/predictions", {"version": version, "input": {"prompt": version}})

    created = by_version("sim/ok")
    same((created.status, created.json["version"]), (201, "hidden"), "an official model runs by name; version hidden")
    ok(created.headers["Location"].endswith(created.json["id"]), "Location")
    same((created.headers["ratelimit-remaining"], created.headers["ratelimit-reset"]), ("599", "1"), "rate-limit headers")
    same(len(created.json["id"]), 26, "an id of 26 letters")
    missing = api.request("POST", "/v1/models/community/paint/predictions", {"input": {}})
    same((missing.status, missing.json), (404, NOT_FOUND), "community by name: 404")
    model = api.request("GET", "/v1/models/community/run-1s").json
    version = hashlib.sha256(b"community/run-1s").hexdigest()
    same((model["is_official"], model["latest_version"]["id"]), (False, version), "its latest version is found")
    same(by_version(version).json["version"], version, "and runs")
    same(by_version("community/run-1s:" + version).status, 201, "also behind the name")
    same(by_version("community/run-1s").status, 422, "not by name alone")
    problem(by_version("0" * 64), 422, "Invalid version or not permitted", "an unknown version: 422")
    problem(by_version("private/ok"), 422, "Invalid version or not permitted", "a private model: 422")
    same(by_version("A" * 64).status, 422, "upper case is no version")
    same(by_version("paint").status, 422, "a bare name is no version")
    same(by_version("missing/x").status, 404, "an unknown model: 404")
    same(api.create("no-such-word").status, 404, "an unknown word: 404")
    same(api.create("ok", "x [[sim:no-such-word]]").status, 422, "an unknown word in a marker: 422")
    deployed = api.request("POST", "/v1/deployments/acme-labs/paint/predictions", {"input": {}}).json
    same(deployed["deployment"], "acme-labs/paint", "deployments")
    same(api.request("GET", "/v1/models/acme-labs/paint", token=OTHER).headers["ratelimit-remaining"], "2999",
         "everything else has a rate of its own")


def test_creating(api):
    same(api.create("instant").json["status"], "succeeded", "an instant model answers succeeded")
    same([api.create(w).status for w in ("ok", "status-200", "status-202")], [201, 200, 202], "201, 200, 202")
    same(lost(lambda: api.create("slow-1s", timeout=0.3)), "timeout", "an answer later than the client waits")
    same(api.accepted("slow-1s"), (1, 1), "has created all the same")
    same(api.control("GET", "outstanding"), {"outstanding": 0}, "and nobody waits for it any more")
    same(lost(lambda: api.create("late-1s", timeout=0.2)), "timeout", "a late creation")
    same(api.accepted("late-1s"), (1, 0), "is not there at first")
    time.sleep(1.2)
    same(api.accepted("late-1s"), (1, 1), "and comes later")
    for words, how in (("hang", "timeout"), ("reset-after-body", "reset"), ("close-after-body", "closed")):
        for suffix, made in (("-created", 1), ("-not-created", 0)):
            same(lost(lambda w=words + suffix: api.create(w, timeout=1)), how, words + suffix)
            same(api.accepted(words + suffix), (1, made), "counted so")
    for suffix, made in (("", 1), ("-not-created", 0)):
        same(lost(lambda w="truncated" + suffix: api.create(w)), "truncated", "truncated body")
        ok("id" not in api.create("no-id" + suffix).json, "no id")
        ok(api.create("not-json" + suffix).body.startswith(b"<"), "not JSON")
        same(api.create("empty-body" + suffix).body, b"", "empty body")
        same([api.accepted(w + suffix) for w in ("truncated", "no-id", "not-json", "empty-body")], [(1, made)] * 4,
             "counted so")
    same([api.create("throttle-2-then-ok").status for _ in range(3)], [429, 429, 201], "throttled twice, then not")
    same(api.create("created-but-500").status, 500, "500")
    same(api.accepted("created-but-500"), (1, 1), "though created")
    marked = "k [[sim:reset-after-body-created-x1]]"
    same([lost(lambda: api.create("ok", marked)) for _ in range(2)], ["reset", 201], "a marker in the prompt, once")
    a = api.request("POST", "/v1/models/sim/ok/predictions", {"input": {"prompt": "same", "b": 1, "a": [2]}})
    b = api.request("POST", "/v1/models/sim/ok/predictions", {"input": {"a": [2], "b": 1, "prompt": "same"}})
    ok(a.json["input"] == b.json["input"] and api.accepted("same") == (2, 2), "inputs are equal whatever the order of keys")
    held = api.create("run-100ms", headers={"Prefer": "wait=5"})
    same((held.headers["Preference-Applied"], held.json["status"]), ("wait=5", "processing"), "Prefer: wait")
    ok(held.json["output"], "comes with the output")
    unanswered = api.stats()["creates"]
    same((unanswered["posts"] - unanswered["accepted"], unanswered["unanswered"]), (9, 9), "and all are in the totals")


def test_errors(api):
    for name in ("400", "401", "402-billing", "402-credit", "402-limit", "403", "404", "405", "408", "409", "413", "415",
                 "422-input", "422-version", "425", "429-text", "429-bare", "500", "502-html", "503", "504-html", "520-html"):
        answer = api.create("refuse-" + name)
        form = "text/html" if name.endswith("html") else "application/problem+json"
        same((answer.status, answer.headers["Content-Type"]), (int(name[:3]), form), "refuse-" + name)
    for name, title in (("402-billing", "Billing required"), ("402-credit", "Insufficient credit"),
                        ("402-limit", "Monthly spend limit reached"), ("422-input", "Input validation failed"),
                        ("422-version", "Invalid version or not permitted")):
        problem(api.create("refuse-" + name), int(name[:3]), title, name)
    same(api.create("refuse-500").json, {"detail": "Internal server error"}, "500")
    same(api.create("refuse-422-input").json["invalid_fields"][0]["field"], "input.aspect_ratio", "422-input")

    def refused(name):
        return api.create(f"wait-7s--refuse-{name}")
    same(refused("429-text").json, {"detail": "Request was throttled. Your rate limit resets in ~7s."}, "429-text")
    ok("available in 7 second" in refused("429-old-text").json["detail"], "429-old-text")
    header = refused("429-header")
    same((header.headers["Retry-After"], "7" in header.json["detail"]), ("7", False), "429-header")
    ok("GMT" in refused("429-date").headers["Retry-After"], "429-date")
    body = refused("429-body")
    same((body.json["retry_after"], body.headers["Retry-After"]), (7, None), "429-body")
    same(refused("429-reset").headers["ratelimit-reset"], "7", "429-reset")
    credit = refused("429-credit").json
    ok("less than $5.0 in credit" in credit["detail"] and "6 requests per minute" in credit["detail"], "429-credit")
    same((credit["status"], credit["retry_after"]), (429, 7), "with its time in the body")
    ok("GMT" in refused("503-date").headers["Retry-After"], "503-date")
    same(refused("503-seconds").headers["Retry-After"], "7", "503-seconds")
    same(api.stats()["predictions"]["total"], 0, "none of them created anything")


def test_control(api):
    api.control("PUT", f"tokens/{TOKEN}", {"refuse": "429-header", "for_ms": 900})
    first = api.create("ok")
    same((first.status, first.headers["Retry-After"]), (429, "1"), "a throttled token")
    same(api.request("GET", "/v1/account").status, 200, "still reads")
    same(api.create("ok", token=OTHER).status, 201, "and others are not throttled")
    time.sleep(1)
    same(api.create("ok").status, 201, "it recovers")
    api.control("PUT", f"tokens/{TOKEN}", {"refuse": "401"})
    same(api.request("GET", "/v1/account").status, 401, "a token that was revoked")
    api.control("PUT", f"tokens/{TOKEN}", {"account": "umbra"})
    same(api.request("GET", "/v1/account").json["username"], "umbra", "a token of another account")
    api.control("DELETE", f"tokens/{TOKEN}")
    api.control("POST", "fail", {"route": "create", "error": "500", "times": 2, "created": True})
    same([api.create("ok", "ordered").status for _ in range(3)], [500, 500, 201], "ordered failures")
    same(api.accepted("ordered"), (3, 3), "that create")
    api.control("POST", "fail", {"route": "list", "error": "reset", "times": 1})
    same(lost(lambda: api.request("GET", "/v1/predictions")), "reset", "an ordered reset")
    api.control("PUT", "models/acme-labs/paint", {"words": "instant", "output": {"x": [1]}, "kind": "community"})
    version = api.request("GET", "/v1/models/acme-labs/paint").json["latest_version"]["id"]
    made = api.request("POST", "/v1/predictions", {"version": version, "input": {}}).json
    same(made["output"], {"x": [1]}, "a model with an output of its own")
    same(api.control("PUT", "models/a/b", {"words": "nonsense"}).status, 422, "wrong words are refused")
    pinned = {"words": "instant", "kind": "community", "version": "ab" * 32}
    same(api.control("PUT", "models/acme-labs/pinned", pinned)["version"], "ab" * 32, "a model with a version of its own")
    body = {"version": "acme-labs/pinned:" + "ab" * 32, "input": {}}
    same(api.request("POST", "/v1/predictions", body).status, 201, "which is accepted")
    same(api.set(run_ms="x").status, 422, "wrong settings are refused")
    api.reset()
    api.set(creates_per_minute=2)
    same([api.create("ok").status for _ in range(3)], [201, 201, 429], "an enforced rate")
    stats = api.stats()
    same((stats["creates"]["posts"], stats["creates"]["accepted"], stats["creates"]["refused"]), (3, 2, 1), "counted")
    same((stats["inputs"]["max_posts"], stats["tokens"][TOKEN]["creates"]), (3, 3), "per input and token")
    arrivals = api.control("GET", "arrivals")["arrivals"]
    same([a["status"] for a in arrivals], [201, 201, 429], "arrivals")
    ok(abs(arrivals[0]["at_us"] / 1e6 - time.time()) < 5 and arrivals[0]["prompt"] == "ok", "with time and prompt")


TESTS = (test_strictness, test_validation, test_models, test_creating, test_errors, test_control)
