"""Runs that are sampled by a real vLLM on CPU: whole weights, an adapter, and a server that is killed on the way.

    python3 server_check.py ZOO FOLDER      in the environment of `make server-check`

Prints how far its log-probabilities are from the trainer's, and what sampling and handing over took.
"""
import json, os, pathlib, shutil, signal, subprocess, sys, time, urllib.error, urllib.request

ZOO, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
PORT = 8123
URL = f"http://127.0.0.1:{PORT}"
MODEL = (
    "{new: {family: llama, vocabulary_size: 300, hidden_size: 128, intermediate_size: 256, num_hidden_layers: 2, "
    "num_attention_heads: 2, num_key_value_heads: 2, tie_word_embeddings: false}}"
)  # A tied output layer keeps its first weights in vLLM on a CPU, which `logp_bound` finds.
RECIPE = f"""
name: server
threads: 1
stages:
  - name: only
    algorithm: sft
    policy: {MODEL}
    rewards: [{{function: regex, parameters: {{pattern: "[aeiou]"}}}}, {{function: length, weight: 0.5, parameters: {{target: 6}}}}]
    data: {{prompts: prompts.jsonl, examples: examples.jsonl}}
    rollout: {{max_new_tokens: 24, temperature: 0.7}}
    parameters: {{grpo: {{prompts: 8, samples: 8}}, ppo: {{prompts: 64}}}}
    optimizer: {{learning_rate: 1e-3}}
    budget: {{iterations: 10}}
    checkpoints: {{every: 1}}
"""


def zoo(*arguments, **options):
    return subprocess.run([ZOO, *arguments], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL, **options)


def serve(mode):
    """vLLM with the base model, once it answers."""
    environment = os.environ | {
        "VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1",
    }
    log = open(FOLDER / "vllm.log", "a")
    server = subprocess.Popen(
        [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", FOLDER / "base/model", "--logprobs-mode", mode, "--host",
         "127.0.0.1", "--port", str(PORT), "--dtype", "float32", "--enforce-eager", "--max-model-len", "128", "--enable-lora",
         "--max-lora-rank", "8", "--max-num-seqs", "64"],
        env=environment, stdout=log, stderr=log, start_new_session=True)
    start = time.time()
    while True:
        try:
            urllib.request.urlopen(f"{URL}/health", timeout=5)
            print(f"vLLM answers after {time.time() - start:.0f} s", flush=True)
            return server
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.time() - start > 600:
                kill(server)
                sys.exit(f"vLLM does not start; see {FOLDER}/vllm.log")
            time.sleep(1)


def kill(server):
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.wait()


def records(run):
    return [json.loads(line) for line in open(FOLDER / run / "metrics.jsonl")]


def report(run):
    account = json.load(open(FOLDER / run / "ledger.json"))["roles"]["server"]
    found = [r for r in records(run) if "sampling/sampling_logp_difference/mean" in r]
    mean = sum(r["sampling/sampling_logp_difference/mean"] for r in found) / len(found)
    most = max(r["sampling/sampling_logp_difference/max"] for r in found)
    seconds, tokens = account["seconds"], account["steps"]["generate"]
    print(
        f"{run}: {len(found)} rollouts, log-probabilities {mean:.2g} nats apart in the mean, {most:.2g} at most; {tokens} tokens in "
        f"{seconds['generate']:.2f} s ({tokens / seconds['generate']:.0f} a second); {account['handedBytes']} bytes handed over in "
        f"{seconds['handover']:.2f} s",
        flush=True)
    assert len(found) == 10 and most < 1e-3, "the server's log-probabilities are not the trainer's"
    moved = sum(r["grad_norm/policy"] > 0 for r in found)
    assert moved == 10, f"only {moved} of 10 updates changed the weights that are handed over"


shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
os.environ["POLICYZOO_CACHE"] = str(FOLDER / "cache")
subjects = ["a film", "the plot", "her role", "this end", "one joke", "that song"]
verdicts = ["is good", "is bad", "was fine", "was dull and long", "is so very good", "was no fun"]
(FOLDER / "recipe.yaml").write_text(RECIPE)
(FOLDER / "prompts.jsonl").write_text("".join(json.dumps({"prompt": s}) + "\n" for s in subjects))
(FOLDER / "examples.jsonl").write_text(
    "".join(json.dumps({"prompt": s, "completion": " " + v}) + "\n" for s in subjects for v in verdicts))
zoo("train", "recipe.yaml", "--set", "budget.iterations=40", "--run-dir", "base")

server = f"rollout.server={{url: \"{URL}\", retries: 12}}"
own = ["train", "recipe.yaml", "--set", server, "--set"]
policy = f"policy={{folder: {FOLDER}/base/model}}"
vllm = serve("raw_logprobs")
try:
    refused = subprocess.run(
        [ZOO, *own, policy, "--algorithm", "grpo", "--run-dir", "refused"], cwd=FOLDER, text=True, capture_output=True)
    assert refused.returncode != 0 and "--logprobs-mode processed_logprobs" in refused.stderr, refused.stderr
    print("raw log-probabilities are refused", flush=True)
    kill(vllm)
    vllm = serve("processed_logprobs")
    zoo(*own, policy, "--algorithm", "grpo", "--run-dir", "weights")
    report("weights")
    adapted = [ZOO, *own, f"policy={{folder: {FOLDER}/base/model, lora: {{r: 4}}}}", "--algorithm", "ppo", "--run-dir"]
    refused = subprocess.run([*adapted, "over-others"], cwd=FOLDER, text=True, capture_output=True)
    assert refused.returncode != 0 and "holds whole weights that another run gave it" in refused.stderr, refused.stderr
    print("an adapter over another run's whole weights is refused", flush=True)
    kill(vllm)
    vllm = serve("processed_logprobs")
    zoo(*adapted[1:], "adapter")
    report("adapter")
    run = subprocess.Popen([ZOO, *own, policy, "--algorithm", "grpo", "--run-dir", "killed"], cwd=FOLDER, stdout=subprocess.DEVNULL)
    while not (FOLDER / "killed/metrics.jsonl").exists() or len(records("killed")) < 3:
        time.sleep(0.01)
    kill(vllm)
    vllm = serve("processed_logprobs")
    assert run.wait() == 0, "a run did not survive its server"
    report("killed")
finally:
    kill(vllm)
print("whole weights, an adapter and a killed server: all as they should be")
