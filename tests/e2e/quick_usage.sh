#!/usr/bin/env bash
# What can be said without a hub: help, versions, wrong usage, completion, the doctor.
. "$(dirname "$0")/../e2e/lib.sh"

try hypertop --version
matches version-is-printed '^hypertop [0-9]+\.[0-9]+' "$OUT"
for c in $(hypertop -h | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\).*/\1/p'); do
    try hypertop "$c" -h
    if [ $STATUS = 0 ] && [ -z "$ERR" ] && [[ $OUT == "usage: hypertop $c"* ]]; then :; else not_ok "help-of-$c" "$STATUS $ERR"; fi
done
equal help-fits-80-columns "" "$( { hypertop -h; hypertop run -h; hypertop send -h; hypertop help verbs; } | awk 'length > 80' | head -n 1)"
try hypertop help run
matches help-command-prints-usage '^usage: hypertop run' "$OUT"

refuses unknown-command-names-its-neighbour 2 'did you mean .hypertop run' hypertop rnu
refuses unknown-command-without-neighbour 2 'hypertop help' hypertop frobnicate
refuses unknown-option-names-its-neighbour 2 'did you mean --headless' hypertop run --headles x.yaml
refuses option-out-of-range 2 "1 to 4096" hypertop run -j 0 x.yaml
refuses option-of-wrong-type 2 "'many'" hypertop run -j many x.yaml
refuses option-without-value 2 'needs a value' hypertop ls --sort
refuses choice-of-wrong-value 2 'auto\|never\|16\|256' hypertop --color pink ls
refuses missing-word 2 'SWEEP.yaml' hypertop run
refuses one-word-too-many 2 "'b'" hypertop replay a b
refuses unknown-list 2 'did you mean trials' hypertop ls trails
refuses bad-time 2 "as-of 'yesterday'" hypertop ls trials --as-of yesterday
refuses bad-replay-position 2 "--at '140%'" hypertop replay x.mcap --at 140%
refuses unknown-verb 2 "did you mean 'pause'" hypertop send paus 3
refuses verb-without-target 2 'pause' hypertop send pause
refuses open-quote-free-words 2 'unknown verb' hypertop send 'pause 3'
refuses unknown-shell 2 'bash, zsh, fish' hypertop completion tcsh
refuses unknown-help-topic 2 'help' hypertop help frobnicate
refuses escape-sequence-in-an-argument 2 'x1b\[2J' hypertop $'\e[2J\r'
refuses bad-hub-name 3 "hub's name" hypertop -L ../up ls
refuses sweep-file-that-is-not-there 1 'nothere.yaml' hypertop run nothere.yaml
mkdir dir
refuses sweep-file-that-is-a-folder 1 'not a file' hypertop run dir
refuses readonly-cannot-start 2 'readonly' hypertop run --readonly "$ROOT/README.md"
refuses replay-of-nothing 1 'nothere.mcap' hypertop replay nothere.mcap
equal nothing-of-that-started-a-hub "" "$(ls "$HYPERTOP_RUNTIME_DIR")"

check completion-for-bash-parses bash -n <(hypertop completion bash)
eval "$(hypertop completion bash)"
COMP_WORDS=(hypertop repl) COMP_CWORD=1 COMPREPLY=()
_hypertop
equal bash-completes-commands replay "${COMPREPLY[*]}"
COMP_WORDS=(hypertop -L box run --head) COMP_CWORD=4 COMPREPLY=()
_hypertop
equal bash-completes-options --headless "${COMPREPLY[*]}"
COMP_WORDS=(hypertop send unb) COMP_CWORD=2 COMPREPLY=()
_hypertop
equal bash-completes-verbs unban "${COMPREPLY[*]}"
if command -v zsh >/dev/null; then check completion-for-zsh-parses zsh -n <(hypertop completion zsh); else skip completion-for-zsh-parses no zsh here; fi
if command -v fish >/dev/null; then check completion-for-fish-parses fish -n <(hypertop completion fish); else skip completion-for-fish-parses no fish here; fi

try hypertop doctor
equal doctor-is-content 0 $STATUS
equal every-finding-has-a-verdict 0 "$(grep -cvE '^(ok  |warn|fail)  ' <<<"$OUT")"
matches doctor-names-the-programs "$BUILD/hypertop-hub" "$OUT"
chmod 755 "$HYPERTOP_RUNTIME_DIR"
try hypertop doctor
equal doctor-fails-on-an-open-directory 1 $STATUS
matches doctor-says-what-to-do 'fail  runtime .*chmod 0700' "$OUT"
chmod 700 "$HYPERTOP_RUNTIME_DIR"
if hypertop version >/dev/full 2>/dev/null; then not_ok full-output-is-a-failure "status 0"; else ok full-output-is-a-failure; fi
try hypertop --reset-tty
matches reset-tty-leaves-the-alternate-screen $'\e\\[\\?1049l' "$OUT"
