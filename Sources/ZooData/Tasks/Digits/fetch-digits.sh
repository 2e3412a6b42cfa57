#!/usr/bin/env bash
# Fetches the handwritten digits of the image tasks: 1,797 of 8 × 8.
#   usage: fetch-digits.sh DEST
# DEST gets digits.csv, digits.rst and SOURCE.txt, all or none. Does nothing where it is complete.
set -euo pipefail

version=1.7.2
python=${PYTHON:-python3}
dest=${1:?usage: fetch-digits.sh DEST}
dest=${dest%/}

if [[ -f $dest/SOURCE.txt && -f $dest/digits.csv && -f $dest/digits.rst ]]; then exit 0; fi

mkdir -p "$(dirname "$dest")"
part=$(mktemp -d "$dest.part-XXXXXX")
trap 'rm -rf "$part"' EXIT

# Any wheel of that version holds the same data; pip checks it against the index's sha256.
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$part" "scikit-learn==$version" > "$part/pip.log" 2>&1; then
    cat "$part/pip.log" >&2
    echo "fetch-digits: pip could not download scikit-learn==$version; is the network there?" >&2
    exit 1
fi
mkdir "$part/files"
"$python" - "$part"/*.whl "$part/files" << 'CODE'
import gzip, pathlib, sys, zipfile

wheel, out = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
(out / "digits.csv").write_bytes(gzip.decompress(wheel.read("sklearn/datasets/data/digits.csv.gz")))
(out / "digits.rst").write_bytes(wheel.read("sklearn/datasets/descr/digits.rst"))
CODE
cat > "$part/files/SOURCE.txt" << TEXT
Handwritten digits, 8 × 8, from the Python package scikit-learn $version, unpacked and otherwise
unchanged; digits.rst describes them.

E. Alpaydin and C. Kaynak. Optical Recognition of Handwritten Digits. UCI Machine Learning
Repository, 1998. https://doi.org/10.24432/C50P49
TEXT
chmod -R u+rwX,go+rX "$part/files"

rm -rf "$dest"
mv "$part/files" "$dest"
