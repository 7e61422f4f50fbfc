#!/usr/bin/env bash
# The manual says what the programs say: every command of the table has its entry and its page, each page's synopsis is the usage
# that -h prints, every option and verb has its row and no row is left over; and mandoc finds no fault with any page.
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
HYPERTOP=${HYPERTOP_BUILD:-$ROOT/build}/hypertop
cd "$ROOT/man" || exit 1
bad=0
fact() { # NAME WHY: a failure when WHY is not empty
    if [ -z "$2" ]; then echo "ok $1"; else
        bad=1
        echo "not ok $1 $(tr '\n' ' ' <<<"$2")"
    fi
}
command -v mandoc >/dev/null || { echo "skip manual mandoc is not installed"; exit 0; }
[ -x "$HYPERTOP" ] || { echo "skip manual $HYPERTOP is not built"; exit 0; }

pages=(*.[1357])
# A page that another room has not written yet is reported below, once, as missing.
fact manual-lint "$(mandoc -Tlint -Wwarning "${pages[@]}" 2>&1 | grep -v 'referenced manual not found')"
fact manual-references "$(grep -hoE '^\.Xr hypertop[a-z-]* [1-9]' "${pages[@]}" | sort -u | while read -r _ name section; do
    [ -f "$name.$section" ] || echo "$name($section) is referred to and does not exist;"
done)"

# The first column of a section of `hypertop ... -h`: lines with exactly two blanks in front.
section() { sed -n "/^$1:/,/^\$/s/^  \([^ ].*\)/\1/p"; }
commands=$("$HYPERTOP" -h | section Commands | sed -E 's/ .*//')
verbs=$("$HYPERTOP" help verbs | sed -nE 's/^  ([a-z]+) .*/\1/p')
# Long names of the options in a section.
options() { grep -oE -- '--[a-z][a-z-]*' <<<"$1" | sort -u; }
# What is in one list and not in the other.
differ() { diff <(sort -u <<<"$1") <(sort -u <<<"$2") | sed -nE 's/^< (.*)/\1 is not in the manual;/p; s/^> (.*)/\1 is only in the manual;/p'; }
items() { sed -nE 's/^\.It Cm ([a-z]+).*/\1/p' "$1"; }
flags() { grep -E '^\.It Fl' "$1" | grep -oE 'Fl -[a-z][a-z-]*' | sed 's/^Fl -/--/' | sort -u; }
# Option rows of help start in column 2 or 6; sentences start further right.
option_rows() { sed -n "/^$1:/,/^\$/p" | grep -E '^(  -|      --)' | sed -E 's/^(.{26}).*/\1/; s/  +$//'; }

fact commands-in-manual "$(differ "$commands" "$(sed -n '/^The commands are/,/^\.El/p' hypertop.1 | items /dev/stdin)")"
fact global-options-in-manual "$(differ "$(options "$("$HYPERTOP" -h | option_rows Options)")" "$(flags hypertop.1)")"
fact verbs-in-manual "$(differ "$verbs" "$(items hypertop-send.1)")"
for c in $commands; do
    case $c in help | version) continue ;; esac
    page=hypertop-$c.1
    [ -f "$page" ] || { fact "page-of-$c" "man/$page does not exist"; continue; }
    usage=$("$HYPERTOP" "$c" -h 2>/dev/null | sed -n '/^usage:/,/^$/p' | tr -s ' \n' ' ' | sed 's/^usage: //; s/ $//')
    case $c in hub | tune | dump | fsck | export | import | rules | certify | average) continue ;; esac # hypertop-hub's own
    synopsis=$(mandoc -Tascii -Owidth=900 "$page" | sed 's/.\x08//g' | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' | sed '1d;$d' |
        tr -s ' \n' ' ' | sed 's/^ //; s/ $//')
    fact "usage-of-$c" "$([ "$usage" = "$synopsis" ] || echo "-h says '$usage', the manual '$synopsis'")"
    fact "options-of-$c" "$(differ "$(options "$("$HYPERTOP" "$c" -h | option_rows Options)")" "$(flags "$page")")"
done
exit $bad
