#!/usr/bin/env bash
# Builds fuzz_proto with the sanitizers (without them where the compiler has none) and lets it run for a few seconds over the
# golden files and mutations of them. FUZZ_SECONDS and FUZZ_SEED make it longer and different.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
seconds=${FUZZ_SECONDS:-6} seed=${FUZZ_SEED:-1}

build() { # FLAGS...
    (cd "$ROOT" && ${CC:-cc} -std=gnu11 -g -O1 -I. -D_GNU_SOURCE -fvisibility=hidden "$@" -o "$WORK/fuzz_proto" tests/fuzz/fuzz_proto.c \
        proto/{codec,column_words,column_ints,column_doubles,points,pulls,message,event,verb,verb_parse,verb_probe,safe_text,row_print}.c \
        base/{buf,cause,clock,json_out,mem,rng,text,utf8}.c -pthread -lmsgpackc -lm) 2>"$WORK/build.log"
}

if build -fsanitize=address,undefined -fno-sanitize-recover=undefined; then
    how=sanitized
elif build; then
    how=plain
else
    cat "$WORK/build.log"
    echo "not ok fuzz-proto-builds"
    exit 1
fi
if "$WORK/fuzz_proto" -n 100000000 -t "$seconds" -s "$seed" "$ROOT/tests/golden/protocol" >"$WORK/log" 2>&1; then
    echo "ok protocol-readers-survive-mutated-input ($how)"
    sed 's/^/# /' "$WORK/log"
else
    cat "$WORK/log"
    echo "not ok protocol-readers-survive-mutated-input seed $seed, $how"
    exit 1
fi
