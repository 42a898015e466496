# SPDX-License-Identifier: PostgreSQL
"""The stand-in as a Python program sees it: started on a free port, asked over plain HTTP. Used by the self test."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

TOKEN = "r8_acme_0000000000000000000000000000000001"
OTHER = "r8_umbra_000000000000000000000000000000001"

# However the self test ends, the program does not stay.
LIFETIME = "120"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class StandIn:
    def __init__(self, program):
        folder = tempfile.mkdtemp()
        port_file = os.path.join(folder, "port")
        self.process = subprocess.Popen(
            [program, "--port", "0", "--port-file", port_file, "--exit-with-parent", "--lifetime", LIFETIME])
        try:
            for _ in range(200):
                if os.path.exists(port_file) or self.process.poll() is not None:
                    break
                time.sleep(0.05)
            with open(port_file, encoding="ascii") as file:
                self.port = int(file.read())
        finally:
            shutil.rmtree(folder)

    def request(self, method, path, body=None, token=TOKEN, headers=None, timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if isinstance(body, (dict, list)):
            sent["Content-Type"] = "application/json"
            body = json.dumps(body)
        sent.update(headers or {})
        try:
            connection.request(method, path, body, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def control(self, method, path, body=None):
        answer = self.request(method, "/_control/" + path, body, token=None)
        return answer.json if answer.status == 200 else answer

    def set(self, **settings):
        return self.control("PATCH", "settings", settings)

    def create(self, words, prompt=None, **more):
        return self.request("POST", f"/v1/models/sim/{words}/predictions", {"input": {"prompt": prompt or words}}, **more)

    def get(self, prediction, **more):
        return self.request("GET", f"/v1/predictions/{prediction}", **more)

    def cancel(self, prediction):
        return self.request("POST", f"/v1/predictions/{prediction}/cancel")

    def finished(self, prediction):
        for _ in range(500):
            answer = self.get(prediction)
            if answer.status == 200 and answer.json["completed_at"]:
                return answer.json
            time.sleep(0.01)
        return answer.json

    def run(self, words, **more):
        return self.finished(self.create(words, **more).json["id"])

    def stats(self):
        return self.control("GET", "stats")

    def accepted(self, prompt):
        found = self.control("GET", "inputs?prompt=" + prompt.replace(" ", "%20").replace("[", "%5B"))["inputs"]
        return (found[0]["posts"], found[0]["accepted"]) if found else (0, 0)

    def reset(self):
        self.control("POST", "reset")


def lost(call):
    """How a request ended that got no answer."""
    try:
        return call().status
    except socket.timeout:
        return "timeout"
    except http.client.RemoteDisconnected:
        return "closed"
    except ConnectionResetError:
        return "reset"
    except http.client.IncompleteRead:
        return "truncated"
