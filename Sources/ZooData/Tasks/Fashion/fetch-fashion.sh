#!/usr/bin/env bash
# Unpacks the images of clothing from Debian's package dataset-fashion-mnist: 70,000 of 28 × 28.
#   usage: fetch-fashion.sh DEST
# DEST gets the four files in the IDX format of MNIST, all or none. Does nothing where it is complete; ends with status 69 where the
# package is not installed.
set -euo pipefail

package=/usr/share/datasets/fashion-mnist
dest=${1:?usage: fetch-fashion.sh DEST}
dest=${dest%/}
files=(train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)

complete=true
for file in "${files[@]}"; do [[ -f $dest/$file ]] || complete=false; done
if $complete; then exit 0; fi

if [[ ! -d $package ]]; then
    echo "fetch-fashion: nothing at $package; the task fashion needs Debian's package dataset-fashion-mnist" >&2
    exit 69
fi

mkdir -p "$(dirname "$dest")"
part=$(mktemp -d "$dest.part-XXXXXX")
trap 'rm -rf "$part"' EXIT

mkdir "$part/files"
for file in "${files[@]}"; do gunzip -c "$package/$file.gz" > "$part/files/$file"; done
chmod -R u+rwX,go+rX "$part/files"

rm -rf "$dest"
mv "$part/files" "$dest"
