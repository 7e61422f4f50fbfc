#!/bin/sh
# Every path of the tree that README, ARCHITECTURE or a manual page names is there.
cd "$(dirname "$0")/../.." || exit 1
bad=""
for doc in README.md ARCHITECTURE.md tests/README.md; do
    for p in $(grep -oE '`(base|proto|agent|hub|tune|tui|tests|man)/[A-Za-z0-9_./*-]*`' "$doc" | tr -d '`'); do
        # shellcheck disable=SC2086
        set -- $p
        [ -e "$1" ] || case $p in *NAME* | *ROOM* | *_X*) ;; *) bad="$bad $doc:$p" ;; esac
    done
done
[ -z "$bad" ] && echo "ok paths-named-in-the-documents-exist" || { echo "not ok paths-named-in-the-documents-exist$bad"; exit 1; }
