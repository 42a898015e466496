# SPDX-License-Identifier: PostgreSQL
"""What is around predictions: webhooks, trainings, files, the host of the outputs, the program itself."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from tap import ok, same


class Receiver(http.server.BaseHTTPRequestHandler):
    received = []
    refuse = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = Receiver.refuse > 0
        Receiver.refuse -= refused
        Receiver.received.append((self.headers, body))
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_webhooks(api):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = base64.b64decode(api.request("GET", "/v1/webhooks/default/secret").json["key"].removeprefix("whsec_"))
    hook = f"http://127.0.0.1:{server.server_port}/hook?g=1"
    api.set(queue_ms=20, run_ms=60)

    def messages(words, events=("completed",), count=1):
        """Those of one prediction: waits for so many, then a little for one too many."""
        Receiver.received.clear()
        body = {"input": {"prompt": words}, "webhook": hook}
        if events:
            body["webhook_events_filter"] = list(events)
        made = api.request("POST", f"/v1/models/sim/{words}/predictions", body).json
        same(made.get("webhook"), hook, f"{words}: the answer names the webhook")
        for _ in range(500):
            if len(Receiver.received) >= count > 0:
                break
            time.sleep(0.01 if count else 0.001)
        time.sleep(0.15)
        return list(Receiver.received)

    def statuses(*arguments, **more):
        return [json.loads(m[1])["status"] for m in messages(*arguments, **more)]

    def signatures(message):
        headers, body = message
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return [s == right for s in headers["webhook-signature"].split(" ")]

    got = messages("ok")
    same([signatures(m) for m in got], [[True]], "one signed webhook")
    same(json.loads(got[0][1])["status"], "succeeded", "with the prediction")
    same(statuses("ok", ("start", "completed"), 2), ["processing", "succeeded"], "in order")
    default = messages("ok", None, 2)
    same([json.loads(m[1])["output"] is not None for m in default], [True, True], "by default: output and end")
    same(signatures(messages("hook-forged")[0]), [False], "forged")
    same(signatures(messages("hook-two-signatures")[0]), [False, True], "two signatures")
    ok(messages("hook-v9")[0][0]["webhook-signature"].startswith("v9,"), "unknown version of the signature")
    same(messages("hook-unsigned")[0][0]["webhook-signature"], None, "unsigned")
    ok(time.time() - int(messages("hook-old")[0][0]["webhook-timestamp"]) > 500, "old")
    twice = messages("hook-twice", count=2)
    same((len(twice), twice[0][0]["webhook-id"]), (2, twice[-1][0]["webhook-id"]), "the same message twice")
    same(statuses("hook-disorder", ("start", "completed"), 2), ["succeeded", "processing"], "out of order")
    same(api.get(json.loads(messages("hook-unknown-id")[0][1])["id"]).status, 404, "unknown id")
    ok(len(messages("hook-big")[0][1]) > 10_000_000, "10 MB")
    Receiver.received.clear()
    api.request("POST", "/v1/models/sim/hook-early/predictions", {"input": {}, "webhook": hook})
    same(len(Receiver.received), 2, "before the answer to the creating request")
    same(messages("hook-none", count=0), [], "none")
    api.set(webhook_retry_ms=50)
    Receiver.refuse = 2
    retried = messages("ok", count=3)
    same((len(retried), retried[0][0]["webhook-id"]), (3, retried[-1][0]["webhook-id"]), "repeated until answered 2xx")
    ok(len(api.control("GET", "webhooks")["deliveries"]) > 10, "deliveries are on record")
    silent = {"input": {"prompt": "silent"}, "webhook": hook}
    ok("webhook" not in api.request("POST", "/v1/models/sim/no-webhook-echo/predictions", silent).json, "no-webhook-echo")
    time.sleep(0.2)
    server.shutdown()


def test_trainings(api):
    version = hashlib.sha256(b"sim/ok").hexdigest()
    path = f"/v1/models/sim/ok/versions/{version}/trainings"
    body = {"destination": "acme/loras", "input": {"trigger_word": "K"}}
    missing = api.request("POST", path, body)
    same((missing.status, missing.json["detail"]), (404, "The specified training destination does not exist"),
         "no destination: 404")
    model = {"owner": "acme", "name": "loras", "visibility": "private", "hardware": "gpu-t4"}
    same(api.request("POST", "/v1/models", model).status, 201, "a destination: 201")
    again = api.request("POST", "/v1/models", model)
    same((again.status, again.json["detail"]), (409, "A model with that name and owner already exists."), "twice: 409")
    same(api.request("POST", "/v1/models", {"owner": "acme"}).status, 422, "with fields missing: 422")
    same(api.request("GET", "/v1/models/acme/loras").json["latest_version"], None, "an empty model")
    same(api.request("POST", path, {"input": {}}).status, 422, "a training without a destination: 422")
    training = api.request("POST", path, body).json
    for _ in range(200):
        done = api.request("GET", f"/v1/trainings/{training['id']}").json
        if done["completed_at"]:
            break
        time.sleep(0.02)
    same((done["status"], done["output"]["version"][:11]), ("succeeded", "acme/loras:"), "a training")
    ok(done["output"]["weights"].endswith(".tar"), "with weights")
    same(api.get(training["id"]).status, 404, "is no prediction")
    same(len(api.request("GET", "/v1/trainings").json["results"]), 1, "and listed")
    same(api.stats()["trainings"]["succeeded"], 1, "and counted")


def test_files(api):
    boundary = "xyz"
    upload = (f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="a.png"\r\n'
              f"Content-Type: image/png\r\n\r\nabc\r\n--{boundary}--\r\n")
    form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    file = api.request("POST", "/v1/files", upload, headers=form)
    same((file.status, file.json["size"], file.json["checksums"]["sha256"]),
         (201, 3, hashlib.sha256(b"abc").hexdigest()), "a file")
    same(api.request("GET", f"/v1/files/{file.json['id']}").json["name"], "a.png", "is found")
    large = api.request("POST", "/v1/files", b"x" * (100 * 2**20 + 1), headers=form)
    same((large.status, large.json), (413, {"detail": "Files must be less than 100MB in size"}), "a file too large: 413")
    same([api.request("DELETE", f"/v1/files/{file.json['id']}").status for _ in range(2)], [204, 404], "deleted")


def test_output_host(api):
    api.set(output_base="local", queue_ms=2, run_ms=2)

    def path_of(words):
        return api.run(words)["output"].split(str(api.port))[1]
    kept = path_of("out-url")
    got = api.request("GET", kept)
    same((got.status, got.headers["Content-Type"]), (200, "image/webp"), "the output host")
    same(api.request("GET", path_of("out-gone")).status, 404, "404")
    slow = path_of("out-slow-300ms")
    started = time.time()
    api.request("GET", slow, token=None)
    ok(time.time() - started >= 0.3, "slow")
    redirect = api.request("GET", path_of("out-redirect"))
    same((redirect.status, redirect.headers["Location"].startswith("http://localhost:")), (302, True), "redirect")
    same(api.stats()["outputs"], {"downloads": 4, "with_token": 3}, "who sent a token is counted")
    api.set(retention_ms=0)
    same(api.request("GET", kept).status, 404, "404 after its time")


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def reachable(port, address):
    try:
        socket.create_connection((address, port), timeout=2).close()
        return True
    except OSError:
        return False


def test_process(program, api):
    same([reachable(api.port, a) for a in ("127.0.0.1", "127.0.0.2")], [True, False], "it listens on 127.0.0.1 only")
    api.process.terminate()
    same(api.process.wait(10), 0, "SIGTERM ends it")
    for wrong in (["--host", "0.0.0.0"], ["--host", "::"], ["--port", "x"], ["--threads", "0"], ["--nonsense"]):
        status = subprocess.run([program, *wrong], stderr=subprocess.DEVNULL, check=False).returncode
        same(status, 2, " ".join(wrong) + " is refused")
    started = time.time()
    same(subprocess.run([program, "--lifetime", "1"], check=False).returncode, 0, "it ends when its lifetime is over")
    ok(0.9 < time.time() - started < 10, "and not before")
    folder = tempfile.mkdtemp()
    script = '"$0" --port-file "$1/port" --exit-with-parent --lifetime 60 & echo $!; while [ ! -s "$1/port" ]; do sleep 0.05; done'
    pid = int(subprocess.run(["sh", "-c", script, program, folder], stdout=subprocess.PIPE, check=True).stdout)
    with open(os.path.join(folder, "port"), encoding="ascii") as file:
        ok(file.read()[:-1].isdigit(), "its port is in the file")
    shutil.rmtree(folder)
    for _ in range(200):
        if gone(pid):
            break
        time.sleep(0.05)
    ok(gone(pid), "it ends with its parent")


TESTS = (test_webhooks, test_trainings, test_files, test_output_host)
