#!/usr/bin/env bash
# Fetches the sentiment task's raw files: review snippets that people rated, and a lexicon of human valence.
#   usage: fetch-sentiment.sh DEST
# DEST gets movie-reviews.tsv, lexicon.tsv, LICENSE and SOURCE.txt, all or none. Does nothing where it is complete.
set -euo pipefail

version=3.3.2
python=${PYTHON:-python3}
dest=${1:?usage: fetch-sentiment.sh DEST}
dest=${dest%/}

if [[ -f $dest/SOURCE.txt && -f $dest/movie-reviews.tsv && -f $dest/lexicon.tsv && -f $dest/LICENSE ]]; then exit 0; fi

mkdir -p "$(dirname "$dest")"
part=$(mktemp -d "$dest.part-XXXXXX")
trap 'rm -rf "$part"' EXIT

# The rated snippets are in the source archive only. pip checks the archive against the index's sha256.
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary vaderSentiment \
    --dest "$part" "vaderSentiment==$version" > "$part/pip.log" 2>&1; then
    cat "$part/pip.log" >&2
    echo "fetch-sentiment: pip could not download vaderSentiment==$version; is the network there?" >&2
    exit 1
fi
tar -xzf "$part"/*.tar.gz -C "$part"
source=$part/vaderSentiment-$version
tar -xzf "$source/additional_resources/hutto_ICWSM_2014.tar.gz" -C "$part"

mkdir "$part/files"
cp "$part/hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt" "$part/files/movie-reviews.tsv"
cp "$source/vaderSentiment/vader_lexicon.txt" "$part/files/lexicon.tsv"
cp "$source/LICENSE.txt" "$part/files/LICENSE"
cat > "$part/files/SOURCE.txt" << TEXT
Movie-review snippets with human ratings, and the VADER lexicon, from the source archive of
the Python package vaderSentiment $version (MIT license, see LICENSE), unchanged.

C.J. Hutto and Eric Gilbert. VADER: A Parsimonious Rule-based Model for Sentiment Analysis
of Social Media Text. Eighth International Conference on Weblogs and Social Media
(ICWSM-14). Ann Arbor, MI, June 2014.
TEXT
chmod -R u+rwX,go+rX "$part/files"

rm -rf "$dest"
mv "$part/files" "$dest"
