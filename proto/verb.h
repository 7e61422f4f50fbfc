/* verb: everything a person or a script can tell a hub to do. One table: the console's key map and palette, `hypertop send`,
 * completion, help and the manual are printed from it; the hub checks requests against it. */
#ifndef PROTO_VERB_H
#define PROTO_VERB_H

#include <stdbool.h>
#include <stddef.h>

/* What a verb acts on. Trial targets: 17, t17, a comma list, `best`, `all`, `marked` is expanded by the console. */
enum verb_target { VT_NONE, VT_TRIAL, VT_ARM, VT_SWEEP, VT_INTERVENTION };

/* How it is guarded in the console: reversible (held 5 s for undo), losing (confirm, default Cancel), final (type the id). */
enum verb_guard { VG_REVERSIBLE, VG_LOSING, VG_FINAL };

/* VERB(enumerator, "name", target, guard, undoable, "arguments", "sentence") */
#define VERBS(VERB)                                                                                                     \
    VERB(PAUSE, "pause", VT_TRIAL, VG_REVERSIBLE, true, "TRIAL...", "hold a running trial at its next safe point")      \
    VERB(RESUME, "resume", VT_TRIAL, VG_REVERSIBLE, true, "TRIAL...", "let a paused trial go on")                       \
    VERB(STOP, "stop", VT_TRIAL, VG_LOSING, false, "TRIAL...", "end a trial at its next safe point and keep its result") \
    VERB(KILL, "kill", VT_TRIAL, VG_FINAL, false, "TRIAL...", "end a trial's processes now; its result counts as failed") \
    VERB(SET, "set", VT_TRIAL, VG_REVERSIBLE, true, "PARAM=VALUE... TRIAL...", "change a live parameter of a running trial") \
    VERB(CLONE, "clone", VT_TRIAL, VG_REVERSIBLE, true, "TRIAL [PARAM=VALUE...]", "queue a trial like this one, with changes") \
    VERB(ENQUEUE, "enqueue", VT_NONE, VG_REVERSIBLE, true, "PARAM=VALUE...", "queue a configuration; the tuner fills in the rest") \
    VERB(REQUEUE, "requeue", VT_TRIAL, VG_REVERSIBLE, false, "TRIAL...", "run a lost, failed or killed trial again")     \
    VERB(TEST, "test", VT_TRIAL, VG_REVERSIBLE, false, "TRIAL...", "score finished trials on the test seeds")           \
    VERB(CHECKPOINT, "checkpoint", VT_TRIAL, VG_REVERSIBLE, false, "TRIAL...", "ask a trial to write a checkpoint at its next safe point") \
    VERB(PROBE, "probe", VT_TRIAL, VG_REVERSIBLE, false, "TRIAL... [--grid CxR] [--radius R] [--towards T1,T2] [--off]", \
         "ask a running trial for the loss on a plane through its weights")                                              \
    VERB(NOTE, "note", VT_TRIAL, VG_REVERSIBLE, true, "TRIAL... TEXT", "attach a remark")                               \
    VERB(TAG, "tag", VT_TRIAL, VG_REVERSIBLE, true, "TRIAL... [+|-]TAG...", "add or remove tags")                       \
    VERB(BAN, "ban", VT_ARM, VG_REVERSIBLE, true, "ARM... [--for N]", "never pull these arms (for the next N pulls)")   \
    VERB(UNBAN, "unban", VT_ARM, VG_REVERSIBLE, true, "ARM...", "lift a ban")                                           \
    VERB(PIN, "pin", VT_ARM, VG_REVERSIBLE, true, "ARM [--for N]", "pull only this arm (for the next N pulls)")         \
    VERB(UNPIN, "unpin", VT_ARM, VG_REVERSIBLE, true, "[ARM]", "lift a pin")                                            \
    VERB(BOOST, "boost", VT_ARM, VG_REVERSIBLE, true, "ARM [WEIGHT] [--for N]", "multiply an arm's chance (default 2)") \
    VERB(EXPLORE, "explore", VT_SWEEP, VG_REVERSIBLE, true, "FACTOR", "scale exploration: 1 as designed, 0 none, 2 twice") \
    VERB(FOCUS, "focus", VT_ARM, VG_REVERSIBLE, true, "REGION [STRENGTH] [--for N]", "try more inside a region, less and less, until it disappoints") \
    VERB(AVOID, "avoid", VT_ARM, VG_REVERSIBLE, true, "REGION... [--for N]", "try nothing inside these regions (a ban in other words)") \
    VERB(WEIGHT, "weight", VT_ARM, VG_REVERSIBLE, true, "REGION [WEIGHT] [--for N]", "multiply a region's chance (a boost in other words)") \
    VERB(QUOTA, "quota", VT_ARM, VG_REVERSIBLE, true, "REGION N|P% [--for N]", "keep so many of the next trials, or this share of them, for a region") \
    VERB(SPACE, "space", VT_SWEEP, VG_REVERSIBLE, true, "PARAM=LOW..HIGH|PARAM=a|b|PARAM+=a|PARAM-=a|+PARAM=...|-PARAM", "change the search space: a new version, old trials stay usable") \
    VERB(FREEZE, "freeze", VT_SWEEP, VG_REVERSIBLE, true, "PARAM[=VALUE]", "hold a parameter at a value from here on (default: the best trial's)") \
    VERB(THAW, "thaw", VT_SWEEP, VG_REVERSIBLE, true, "PARAM", "let a frozen parameter vary again")               \
    VERB(TUNER, "tuner", VT_SWEEP, VG_REVERSIBLE, true, "NAME [OPTION=VALUE...]", "go on with another tuner, keeping all trials") \
    VERB(HOLD, "hold", VT_NONE, VG_REVERSIBLE, true, "", "no new trials from the tuner until step or go")          \
    VERB(STEP, "step", VT_SWEEP, VG_REVERSIBLE, true, "[N]", "while held: let the tuner start N trials (default 1)") \
    VERB(GO, "go", VT_NONE, VG_REVERSIBLE, true, "", "lift a hold")                                               \
    VERB(BUDGET, "budget", VT_SWEEP, VG_REVERSIBLE, true, "[+|-]N", "set or change the number of trials")               \
    VERB(CONCURRENCY, "concurrency", VT_SWEEP, VG_REVERSIBLE, true, "N", "run at most N trials at once")                \
    VERB(RULE, "rule", VT_SWEEP, VG_REVERSIBLE, true, "RULE|off N", "tell when this happens: val_loss is nan, no point for 10m [then pause]") \
    VERB(UNDO, "undo", VT_INTERVENTION, VG_REVERSIBLE, false, "[ID]", "undo an intervention (default: your last one)")

enum verb {
    VERB_NONE,
#define VERB_ENUM(e, name, target, guard, undo, args, text) VERB_##e,
    VERBS(VERB_ENUM)
#undef VERB_ENUM
        VERB_COUNT
};

struct verb_info {
    enum verb verb;
    const char *name;
    enum verb_target target;
    enum verb_guard guard;
    bool undoable;
    const char *args; /* synopsis */
    const char *text; /* one sentence */
};

const struct verb_info *verb_info(enum verb v);
const struct verb_info *verb_find(const char *name); /* NULL when unknown */
/* The verb whose name is nearest, for "did you mean"; NULL when nothing is near. */
const struct verb_info *verb_nearest(const char *name);

/* A command line split by a shell or by verb_split: words[0] is the verb. Everybody (keys, `:`, send) goes through
 * this one parser. On success `body` receives the VERB_FIELDS first pairs of the send message's map, without the map's
 * head (the caller writes cw_map(w, VERB_FIELDS + its own pairs) before): verb, target, args, reason. target is a string
 * ("17,18", "best", "all", arm names joined by commas, "" for none); args is a map:
 *   set, clone, enqueue: {params: {NAME: VALUE}} with values typed as written (int, float, true/false, else string)
 *   note: {text}; tag: {add: [], remove: []}; ban, pin, boost: {for, weight}; explore: {factor};
 *   focus, weight: {for, weight}; avoid: {for}; quota: {for, share | count}; step: {value};
 *   space, freeze, thaw, tuner: none, their words are the target;
 *   probe: {columns, rows, radius, norm, slice, towards: [trial]} or {off: true};
 *   budget: {value, relative}; concurrency: {value}; undo: {id}; bandit in args {bandit} when given as --bandit NAME.
 * set, clone and tag take their words in any order or trials first; a note's text starts behind its first trial.
 * `--reason TEXT` may stand anywhere, `--` ends the options. Returns 0, or -1 and a cause that names the offending word. */
#define VERB_FIELDS 4
struct codec_writer;
int verb_parse(int n, char *const *words, struct codec_writer *body, char **cause);
/* Splits one line with shell-like quotes; malloc'ed words (a NULL behind the last), to free with verb_words_free. Returns how
 * many, or -1 and a cause on an open quote. Quotes around a value stay (name="17" is a string); a shell user writes name='"17"'. */
int verb_split(const char *line, char ***words, char **cause);
void verb_words_free(char **words, int n);

#endif
