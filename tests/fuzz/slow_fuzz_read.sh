#!/usr/bin/env bash
# Builds fuzz_read with the sanitizers (without them where the compiler has none) and lets it run for a few seconds: readers of other
# tools' files over mutations of small ones. FUZZ_SECONDS and FUZZ_SEED make it longer and different.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
seconds=${FUZZ_SECONDS:-4} seed=${FUZZ_SEED:-1}

build() { # FLAGS...
    (cd "$ROOT" && ${CC:-cc} -std=gnu11 -g -O1 -I. -D_GNU_SOURCE -fvisibility=hidden "$@" -o "$WORK/fuzz_read" tests/fuzz/fuzz_read.c \
        $(ls read/*.c | grep -v /scrape) base/{buf,cause,clock,mem,rng,text,utf8}.c -pthread -lsqlite3 -lyaml -lz -lm) 2>"$WORK/build.log"
}

if build -fsanitize=address,undefined -fno-sanitize-recover=undefined; then
    how=sanitized
elif build; then
    how=plain
else
    cat "$WORK/build.log"
    echo "not ok fuzz-read-builds"
    exit 1
fi
if "$WORK/fuzz_read" -n 100000000 -t "$seconds" -s "$seed" >"$WORK/log" 2>&1; then
    echo "ok readers-of-other-tools-survive-mutated-input ($how)"
    sed 's/^/# /' "$WORK/log"
else
    tail -40 "$WORK/log"
    echo "not ok readers-of-other-tools-survive-mutated-input seed $seed, $how"
    exit 1
fi
