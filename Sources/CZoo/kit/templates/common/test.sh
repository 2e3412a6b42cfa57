#!/bin/sh
# Checks the plugin, then trains it on the tabular task and asks whether it learned.
set -eu
cd "$(dirname "$0")"
zoo=${ZOO:-@ZOO@}
$zoo plugins check build/libmy_plugin.*
rm -rf build/run
$zoo train recipe.yaml --plugin-path build --run-dir build/run --quiet --set budget.updates=100
case @LIKE@ in dpo) metric=common/loss sign=-1 ;; *) metric=common/reward sign=1 ;; esac
sed -n "s|.*\"$metric\": *\([-0-9.e]*\).*|\1|p" build/run/metrics.jsonl | awk -v metric="$metric" -v sign="$sign" '
  { value[NR] = $1 }
  END {
    for (i = 1; i <= 20; i++) { first += value[i] / 20; last += value[NR - 20 + i] / 20 }
    printf "%s: %.3f in the first 20 iterations, %.3f in the last 20\n", metric, first, last
    if (NR < 40 || sign * last <= sign * first) { print "test.sh: it did not learn" > "/dev/stderr"; exit 1 }
  }'
