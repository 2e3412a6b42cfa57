"""A server that samples, and does what servers should not: `zoo rollout-server` behind a proxy that follows orders.

    python3 unruly_server.py ZOO MODEL PORT_FILE

Orders: POST /_faults {"/v1/completions": ["500", "half"]}: what to do with the next requests to a path, one each.
GET /_log: the paths of the requests so far. GET /_restart: what it says.
"""
import http.client, http.server, json, os, signal, subprocess, sys, threading, time

ZOO, MODEL, PORT_FILE = sys.argv[1:4]
lock = threading.Lock()
faults, log = {}, []
child, upstream = None, None


def start():
    """The real server, new from its folder."""
    global child, upstream
    child = subprocess.Popen([ZOO, "rollout-server", MODEL, "--port", "0"], stdout=subprocess.PIPE, text=True)
    line = child.stdout.readline()
    if not line.startswith("http://127.0.0.1:"):
        sys.exit(f"zoo rollout-server says {line!r}")
    upstream = int(line.split(":")[2].split("/")[0])


def renew():
    child.kill()
    child.wait()
    start()


def stop(*_):
    child.kill()
    os._exit(0)


def follow_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    stop()


def change(answer, fault):
    """A right answer made wrong."""
    if fault == "raw-mode":
        answer["vllm_config"]["model_config"]["logprobs_mode"] = "raw_logprobs"
    choice = answer.get("choices", [{}])[0]
    if fault == "other-logp":
        for choice in answer["choices"]:
            choice["logprobs"]["token_logprobs"] = [x - 1 for x in choice["logprobs"]["token_logprobs"]]
    elif fault == "positive-logp":
        choice["logprobs"]["token_logprobs"][0] = 0.5
    elif fault == "other-prompt":
        choice["prompt_token_ids"][0] += 1
    elif fault == "too-many":
        choice["token_ids"] *= 10
        choice["logprobs"]["token_logprobs"] *= 10
    elif fault == "few-logp":
        choice["logprobs"]["token_logprobs"].pop()
    elif fault == "early":
        choice["finish_reason"], choice["token_ids"][-1] = "stop", 5
    elif fault == "fewer":
        answer["choices"].pop()
    elif fault == "no-ids":
        del choice["token_ids"]
    elif fault == "abort":
        choice["finish_reason"] = "abort"
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def give(self, status, body, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body):
        path = self.path.split("?")[0]
        with lock:
            if path == "/_log":
                return self.give(200, json.dumps(log).encode())
            if path == "/_restart":
                renew()
                return self.give(200, b"{}")
            if path == "/_faults":
                faults.update(json.loads(body))
                return self.give(200, b"{}")
            log.append(path)
            fault = faults[path].pop(0) if faults.get(path) else "ok"
            if fault == "restart":
                renew()
        if fault in ("close", "restart"):
            return
        if fault == "hang":
            time.sleep(60)
        if fault == "500":
            return self.give(500, b'{"error": "out of luck"}')
        if fault == "404":
            return self.give(404, b'{"detail": "Not Found"}')
        if fault == "stale":
            return self.give(200, b'{"results": []}')
        connection = http.client.HTTPConnection("127.0.0.1", upstream)
        connection.request(self.command, self.path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
        if fault == "half":
            return self.give(200, text[: len(text) // 2])
        if fault == "cut":
            return self.give(200, text[: len(text) // 2], len(text))
        if fault != "ok":
            text = json.dumps(change(json.loads(text), fault)).encode()
        self.give(reply.status, text)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


signal.signal(signal.SIGTERM, stop)
threading.Thread(target=follow_parent, args=[os.getppid()], daemon=True).start()
start()
server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".part", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(PORT_FILE + ".part", PORT_FILE)
server.serve_forever()
