#include "agent/exec_params.h"

#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/clock.h"
#include "proto/codec.h"
#include "read/sink.h"

static void put_value(struct codec_writer *w, const struct read_value *v)
{
    if (v->type == READ_TEXT)
        cw_str(w, v->text);
    else if (v->type == READ_REAL)
        cw_double(w, v->d);
    else if (v->type == READ_BOOL)
        cw_bool(w, v->i != 0);
    else if (v->type == READ_INT)
        cw_int(w, v->i);
    else
        cw_nil(w);
}

int exec_params_pack(char *const *words, int n, struct buf *out, char **cause)
{
    struct codec_writer w;
    cw_init(&w, out);
    cw_map(&w, (size_t)n);
    for (int i = 0; i < n; i++) {
        const char *eq = strchr(words[i], '=');
        if (!eq || eq == words[i])
            return cause_set(cause, "exec: --param takes NAME=VALUE, not '%.60s'", words[i]);
        struct read_value v = read_word(eq + 1);
        cw_strn(&w, words[i], (size_t)(eq - words[i]));
        put_value(&w, &v);
    }
    return 0;
}

void exec_params_declare(struct outlet *ol, struct span params)
{
    struct codec_reader r;
    cr_init(&r, params.p, params.n);
    for (size_t n = params.n ? cr_map(&r) : 0; n > 0 && cr_ok(&r); n--) {
        struct codec_writer w;
        struct span name = cr_str(&r);
        enum codec_type t = cr_peek(&r);
        struct span value = cr_value(&r);
        if (t == CT_NIL)
            continue;
        outlet_event(ol, false, &w, "declare", clock_wall_ns());
        cw_map(&w, 4);
        cw_str(&w, "name");
        cw_strn(&w, name.p, name.n);
        cw_kstr(&w, "type", t == CT_STR ? "choice" : t == CT_DOUBLE ? "float" : "int");
        cw_kbool(&w, "live", false);
        cw_str(&w, "value");
        cw_raw(&w, value.p, value.n);
    }
}
