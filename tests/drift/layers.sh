#!/bin/sh
# Who may know whom: base <- proto <- {agent, hub, tui}; base <- tune <- hub; tune never includes proto; hub and tui
# meet only in proto; one file per foreign library.
cd "$(dirname "$0")/../.." || exit 1
bad=0

# may ROOM ROOM...: files of the first may include the listed rooms only
may() {
    room=$1
    shift
    allowed=$(echo "$room $*" | tr ' ' '|')
    hits=$(git ls-files "$room/*.c" "$room/*.h" | xargs grep -nE '^#include "(base|proto|agent|hub|tune|tui|read)/' /dev/null |
        grep -vE "#include \"($allowed)/")
    [ -z "$hits" ] && return
    echo "$hits"
    bad=1
}
may base
may proto base
may tune base
may read base
may tui proto base
may hub proto tune read base

# The library in the training process sees the ring and the bandits, nothing else of ours.
hits=$(grep -nE '^#include "(proto|tune|hub|tui)/' agent/lib_*.c agent/lib_*.h 2>/dev/null | grep -vE '"(proto/ring|tune/bandit)\.h"')
[ -z "$hits" ] || { echo "$hits"; bad=1; }
hits=$(git ls-files 'agent/*.c' 'agent/*.h' | xargs grep -nE '^#include "(hub|tui)/' /dev/null)
[ -z "$hits" ] || { echo "$hits"; bad=1; }

# only HEADER_REGEX FILE_REGEX: who may include a foreign header
only() {
    hits=$(git ls-files '*.c' '*.h' | grep -v '^tests/' | xargs grep -nE "^#include <($1)>" /dev/null | grep -vE "^($2):")
    [ -z "$hits" ] && return
    echo "$hits"
    bad=1
}
only 'zmq\.h' 'proto/sock\.c'
only 'msgpack(/.*)?\.h' 'proto/codec\.c'
only 'curses\.h|ncurses.*|term\.h' 'tui/term\.c'
only 'yaml\.h' 'hub/yaml_tree\.c|read/yaml_flat\.c'
only 'pcre2\.h' 'read/scrape_regex\.c'
only 'sqlite3\.h' 'read/sqlite_file\.[ch]'

[ $bad = 0 ] && echo "ok layers" || { echo "not ok layers: the includes above cross a wall (see ARCHITECTURE.md)"; exit 1; }
