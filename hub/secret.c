#include "hub/secret.h"

#include <string.h>
#include <strings.h>

bool secret_name(struct span name)
{
    static const char *const words[] = {"KEY",        "TOKEN", "SECRET", "PASSW", "PASSPHRASE",
                                        "CREDENTIAL", "AUTH",  "COOKIE"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        size_t n = strlen(words[k]);
        for (size_t i = 0; i + n <= name.n; i++)
            if (strncasecmp(name.p + i, words[k], n) == 0)
                return true;
    }
    return false;
}

int secret_strip(struct span env, struct buf *out)
{
    struct codec_reader r;
    struct codec_writer w;
    struct buf kept = {0};
    size_t n = 0;
    int left_out = 0;
    cr_init(&r, env.p, env.n);
    for (size_t pairs = env.n && cr_peek(&r) == CT_MAP ? cr_map(&r) : 0; pairs > 0 && cr_ok(&r); pairs--) {
        const uint8_t *from = r.p;
        bool secret = cr_peek(&r) == CT_STR && secret_name(cr_str(&r));
        if (r.p == from)
            cr_skip(&r);
        cr_skip(&r);
        if (secret) {
            left_out++;
        } else if (cr_ok(&r)) {
            buf_put(&kept, from, (size_t)(r.p - from));
            n++;
        }
    }
    cw_init(&w, out);
    cw_map(&w, n);
    cw_raw(&w, kept.data, kept.len);
    buf_release(&kept);
    return left_out;
}
