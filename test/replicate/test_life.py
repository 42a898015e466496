# SPDX-License-Identifier: PostgreSQL
"""The life of a prediction: its states and ends, the forms of what is said about it, reading, listing, cancelling."""

import gzip
import json
import time

from client import OTHER
from tap import ok, same


def quick(api):
    api.set(queue_ms=2, run_ms=2)


def test_life(api):
    slow = api.create("queue-600ms--run-600ms").json
    same((slow["status"], slow["started_at"], slow["metrics"]), ("starting", None, {}), "starting")
    time.sleep(0.9)
    same(api.get(slow["id"]).json["status"], "processing", "processing")
    done = api.finished(slow["id"])
    same((done["status"], done["metrics"]["predict_time"]), ("succeeded", 0.6), "succeeded")
    strange = api.create("queue-2ms--run-600ms--unknown-status").json["id"]
    time.sleep(0.1)
    same([api.get(strange).json["status"], api.finished(strange)["status"]], ["rebooting", "succeeded"], "unknown-status")
    quick(api)
    for words, status in (("end-canceled", "canceled"), ("end-aborted", "aborted"), ("end-successful", "successful"),
                          ("end-unknown", "archived"), ("fail-e003", "failed")):
        same(api.run(words)["status"], status, words)
    same([api.run("fail-once")["status"] for _ in range(2)], ["failed", "succeeded"], "fail-once")
    same(api.run("deadline-100ms--stuck")["status"], "canceled", "deadline while running")
    same(api.run("deadline-100ms--stuck-starting")["status"], "aborted", "deadline before the start")
    same(api.run("data-removed")["data_removed"], True, "data removed")
    ended = api.create("stuck").json["id"]
    api.control("POST", f"predictions/{ended}/finish", {"status": "failed"})
    same(api.get(ended).json["status"], "failed", "finished by the control endpoint")


def test_deadlines_and_retention(api):
    quick(api)
    api.set(deadline_scale=0.01)
    for words, status in (("stuck", "canceled"), ("stuck-starting", "aborted")):
        made = api.create(words, headers={"Cancel-After": "30s"}).json
        ok(made["deadline"] > made["created_at"], "a deadline by Cancel-After")
        done = api.finished(made["id"])
        same((done["status"], done["started_at"] is None), (status, status == "aborted"), f"{words}: {status}")
    api.set(retention_ms=0)
    old = api.run("instant")
    same((old["output"], old["input"], old["logs"], old["data_removed"]), (None, {}, None, True), "data after its time")
    same(old["status"], "succeeded", "while the status stays")


def test_failures(api):
    quick(api)
    for name, part in (("e001", "(E001)"), ("e003", "(E003)"), ("e004", "(E004)"), ("e005", "(E005)"),
                       ("e1000", "(E1000)"), ("e1001", "(E1001)"), ("e4875", "(E4875)"), ("e6716", "(E6716)"),
                       ("e8367", "(E8367)"), ("e8765", "(E8765)"), ("e9243", "(E9243)"), ("e9825", "(E9825)"),
                       ("e9828", "Director: unexpected"), ("director-e6716", "(E6716)"), ("director-e8765", "(E8765)"),
                       ("director-e1001", "(E1001)"), ("pa", "code: PA"), ("interrupted", "Prediction interrupted"),
                       ("timeout", "timed out"), ("oom", "CUDA out of memory"), ("validation", "input failed validation"),
                       ("queue-limit", "queue reached limit"), ("nsfw", "NSFW"), ("safety", "safety"),
                       ("moderation", "moderation"), ("content-policy", "content policy"),
                       ("model-rate-limit", "ModelRateLimitError"), ("text", "")):
        failed = api.run("fail-" + name)
        ok(failed["status"] == "failed" and failed["error"] and part in failed["error"], "fail-" + name, failed["error"])
    same([api.run("fail-" + c)["error"] for c in ("empty", "null")], ["", None], "empty and null errors")
    ok(isinstance(api.run("fail-object")["error"], dict), "an error that is no string")


def test_outputs(api):
    quick(api)
    for words, wanted in (("out-text", "a cat on a mat"), ("out-null", None), ("out-empty", []), ("out-number", 42),
                          ("out-nul", "before\0after")):
        same(api.run(words)["output"], wanted, words)
    for words, ending in (("out-url", ".webp"), ("out-video", ".mp4"), ("out-svg", ".svg"), ("out-audio", ".mp3")):
        output = api.run(words)["output"]
        ok(output.startswith("https://replicate.delivery/") and output.endswith(ending), words, output)
    same(len(api.run("out-urls-3")["output"]), 3, "out-urls-3")
    same(sorted(api.run("out-object")["output"]), ["no_vocals", "vocals"], "out-object")
    nested = api.run("out-nested")["output"]
    ok(nested["images"][1]["url"].startswith("https://") and nested["extra"]["mask"], "out-nested")
    ok(api.run("out-deep-3")["output"][0][0][0].startswith("https://"), "out-deep-3")
    same("".join(api.run("out-chunks")["output"]), "\n\nHere is a haiku:\na cat on a mat", "out-chunks")
    ok(api.run("out-data")["output"][0].startswith("data:image/png;base64,"), "out-data")
    ok(api.run("out-storage")["output"].startswith("https://storage.googleapis.com/replicate-files/"), "out-storage")


def test_forms(api):
    quick(api)
    for digits in (3, 6, 9):
        same(len(api.run(f"time-{digits}")["created_at"].split(".")[1]), digits + 1, f"time-{digits}")
    raw = api.get(api.run("exponent")["id"]).body
    ok(b'"predict_time":3e-06' in raw, "exponent")
    ok("metrics" not in api.run("no-metrics"), "no-metrics")
    ok(len(api.run("logs-2048")["logs"]) >= 2048 * 1024, "2 MB of logs")
    ok("\0" in api.run("logs-nul")["logs"], "NUL in logs")
    same(api.run("other-model")["model"], "replicate-internal/some-other-model", "other-model")
    same(api.run("no-input-echo")["input"], {}, "no-input-echo")
    sparse = api.create("sparse").json
    ok(not {"output", "data_removed", "metrics"} & set(sparse) and "web" not in sparse["urls"], "sparse", sparse)
    chunked = api.create("chunked")
    same((chunked.headers["Transfer-Encoding"], chunked.json["status"]), ("chunked", "starting"), "chunked")
    packed = api.create("gzip", headers={"Accept-Encoding": "gzip"})
    same((packed.headers["Content-Encoding"], json.loads(gzip.decompress(packed.body))["status"]), ("gzip", "starting"),
         "gzip")


def test_polls_and_cancels(api):
    prediction = api.create("poll-404-x1--instant").json["id"]
    same([api.get(prediction).status for _ in range(2)], [404, 200], "404 first")
    prediction = api.create("poll-502-html-x2--instant").json["id"]
    same([api.get(prediction).status for _ in range(3)], [502, 502, 200], "5xx burst")
    same(api.get(prediction, token=OTHER).status, 404, "not for another account")
    started = time.time()
    api.get(api.create("poll-slow-200ms--instant").json["id"])
    ok(time.time() - started >= 0.2, "a slow poll")
    prediction = api.create("stuck").json["id"]
    same(api.cancel(prediction).json["status"], "canceled", "cancel")
    same(api.request("POST", f"/v1/predictions/{prediction}/cancel", token=OTHER).status, 404, "not by another account")
    prediction = api.create("cancel-race").json["id"]
    same(api.cancel(prediction).status, 200, "cancel")
    same(api.finished(prediction)["status"], "succeeded", "that comes too late")
    prediction = api.create("stuck--cancel-late-300ms").json["id"]
    ok(api.cancel(prediction).json["status"] in ("starting", "processing"), "a late cancel")
    same(api.finished(prediction)["status"], "canceled", "works in the end")
    prediction = api.create("stuck--cancel-503-x1").json["id"]
    same([api.cancel(prediction).status for _ in range(2)], [503, 200], "a cancel that fails first")
    ended = api.create("instant").json["id"]
    same((api.cancel(ended).status, api.cancel(ended).json["status"]), (200, "succeeded"), "cancel after the end: 200")
    api.set(cancel_finished=409)
    same(api.cancel(ended).status, 409, "or 409")


def test_lists(api):
    for i in range(250):
        api.create("instant", f"number {i}")
    page = api.request("GET", "/v1/predictions").json
    same((len(page["results"]), page["results"][0]["input"]["prompt"]), (100, "number 249"), "a page of 100, newest first")
    seen = len(page["results"])
    origin = f"http://127.0.0.1:{api.port}"
    while page["next"]:
        ok(page["next"].startswith(origin + "/v1/predictions?cursor="), "next is on the same host", page["next"])
        page = api.request("GET", page["next"].removeprefix(origin)).json
        seen += len(page["results"])
    same(seen, 250, "all pages")
    moment = page["results"][0]["created_at"]
    recent = api.request("GET", f"/v1/predictions?created_after={moment}").json
    ok(recent["next"] and "created_after" in recent["next"], "created_after is kept in next", recent["next"])
    ok(all(p["created_at"] >= moment for p in recent["results"]), "and heeded")
    same(api.request("GET", "/v1/predictions?created_after=tomorrow").status, 422, "and must be a timestamp")
    api.set(page_size=2)
    short = api.request("GET", "/v1/predictions").json
    same((len(short["results"]), "cursor=" in short["next"]), (2, True), "or a page of two")
    api.set(cut_lists=True)
    ok("cursor=" not in api.request("GET", "/v1/predictions").json["next"], "whose next leads nowhere")
    api.set(page_size=100, cut_lists=False)
    same(api.request("GET", "/v1/predictions", token=OTHER).json["results"], [], "nothing of another account")
    api.create("list-late-700ms", "late")
    same(api.request("GET", "/v1/predictions").json["results"][0]["input"]["prompt"], "number 249", "listed late")
    time.sleep(0.8)
    same(api.request("GET", "/v1/predictions").json["results"][0]["input"]["prompt"], "late", "but listed")


TESTS = (test_life, test_deadlines_and_retention, test_failures, test_outputs, test_forms, test_polls_and_cancels, test_lists)
