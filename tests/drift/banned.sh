#!/bin/sh
# Functions that have no place here, and names that hide what a file holds.
cd "$(dirname "$0")/../.." || exit 1
bad=0
hits=$(git ls-files '*.c' '*.h' | xargs grep -nE '(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|alloca|system|popen|mktemp|tmpnam|signal)[[:space:]]*\(' /dev/null |
    grep -vE '^[^:]*:[0-9]+:[[:space:]]*(\*|//|/\*)' | grep -vE 'signal\([A-Za-z]+, SIG_(IGN|DFL)\)')
[ -z "$hits" ] || { echo "$hits"; bad=1; }
hits=$(git ls-files | grep -E '(^|/)(util|utils|misc|common|helper|helpers)[._]')
[ -z "$hits" ] || { echo "$hits"; bad=1; }
hits=$(git ls-files 'tests/*.c' 'tests/*.sh' | xargs grep -nE '(^|[^A-Za-z0-9_])(usleep|nanosleep) *\(' /dev/null)
[ -z "$hits" ] || { echo "$hits: poll for the condition instead"; bad=1; }
top=$(git ls-files | cut -d/ -f1 | sort -u | grep -vxE 'base|proto|read|agent|hub|tune|tui|tests|man|Makefile|README\.md|ARCHITECTURE\.md|CHANGES|LICENSE|\.ci|\.clang-format|\.gitignore')
[ -z "$top" ] || { echo "unexpected top-level names: $top"; bad=1; }
[ $bad = 0 ] && echo "ok banned" || { echo "not ok banned: see above"; exit 1; }
