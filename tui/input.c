#include "tui/input.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tui/keymap.h"

#define QUEUE ((int)(sizeof((struct input *)0)->queue / sizeof(struct input_event)))

static const struct {
    const char *seq;
    int key;
} common[] = {
    {"\033[A", KX_UP},       {"\033[B", KX_DOWN},   {"\033[C", KX_RIGHT},    {"\033[D", KX_LEFT},
    {"\033OA", KX_UP},       {"\033OB", KX_DOWN},   {"\033OC", KX_RIGHT},    {"\033OD", KX_LEFT},
    {"\033[H", KX_HOME},     {"\033[F", KX_END},    {"\033OH", KX_HOME},     {"\033OF", KX_END},
    {"\033[1~", KX_HOME},    {"\033[4~", KX_END},   {"\033[7~", KX_HOME},    {"\033[8~", KX_END},
    {"\033[5~", KX_PGUP},    {"\033[6~", KX_PGDN},  {"\033[2~", KX_INS},     {"\033[3~", KX_DEL},
    {"\033[Z", KX_BACKTAB},  {"\033[1;2A", KX_SUP}, {"\033[1;2B", KX_SDOWN}, {"\033[1;2C", KX_SRIGHT},
    {"\033[1;2D", KX_SLEFT}, {"\033[a", KX_SUP},    {"\033[b", KX_SDOWN},    {"\033[c", KX_SRIGHT},
    {"\033[d", KX_SLEFT},    {"\033OP", KX_F1},     {"\033[11~", KX_F1},     {"\033[[A", KX_F1},
    {"\033OM", KX_ENTER},
};

void input_init(struct input *in)
{
    memset(in, 0, sizeof *in);
}

void input_release(struct input *in)
{
    buf_release(&in->paste);
}

void input_name(struct input *in, const char *seq, int key)
{
    if (!seq || seq[0] != '\033' || strlen(seq) >= sizeof in->names[0].seq || strlen(seq) < 3 ||
        in->n_names == (int)(sizeof in->names / sizeof *in->names))
        return;
    memcpy(in->names[in->n_names].seq, seq, strlen(seq) + 1);
    in->names[in->n_names++].key = key;
}

static void push(struct input *in, struct input_event e)
{
    int next = (in->tail + 1) % QUEUE;
    if (next == in->head)
        return; /* 255 events behind: more is not a person typing */
    in->queue[in->tail] = e;
    in->tail = next;
}

/* Keys come through here: bursts are cut. */
static void push_key(struct input *in, int key, int64_t mono)
{
    if (mono < in->deaf_until)
        return;
    if (in->burst == 0 || mono - in->burst_start > INPUT_BURST_NS) {
        in->burst = 0;
        in->burst_start = mono;
    }
    if (++in->burst > INPUT_BURST) {
        if (in->dropped == 0) { /* the first eight are not commands either */
            while (in->tail != in->head) {
                int last = (in->tail + QUEUE - 1) % QUEUE;
                if (in->queue[last].kind != INPUT_KEY)
                    break;
                in->tail = last;
                in->dropped++;
            }
        }
        in->dropped++;
        in->burst_start = mono;
        return;
    }
    push(in, (struct input_event){.kind = INPUT_KEY, .key = key});
}

/* ---- sequences ---- */

static int lookup(const struct input *in, const char *seq, size_t n)
{
    for (int i = 0; i < in->n_names; i++)
        if (strlen(in->names[i].seq) == n && memcmp(in->names[i].seq, seq, n) == 0)
            return in->names[i].key;
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (strlen(common[i].seq) == n && memcmp(common[i].seq, seq, n) == 0)
            return common[i].key;
    return 0;
}

/* ESC [ < button ; x ; y M (press, motion) or m (release) */
static void mouse(struct input *in, const char *s, size_t n)
{
    int v[3] = {0, 0, 0}, k = 0;
    for (size_t i = 3; i + 1 < n; i++) {
        if (s[i] == ';' && k < 2)
            k++;
        else if (s[i] >= '0' && s[i] <= '9' && v[k] < 100000)
            v[k] = v[k] * 10 + (s[i] - '0');
        else
            return;
    }
    if (k != 2 || v[1] < 1 || v[2] < 1)
        return;
    int button = v[0] & 3;
    bool down = s[n - 1] == 'M';
    if (!down && s[n - 1] != 'm')
        return;
    struct input_event e = {.x = v[1] - 1, .y = v[2] - 1, .button = button};
    if (v[0] & 64) {
        e.kind = INPUT_WHEEL;
        e.by = button == 0 ? -1 : 1;
        e.button = 0;
    } else if (v[0] & 32) {
        e.kind = INPUT_DRAG;
    } else {
        e.kind = down ? INPUT_PRESS : INPUT_RELEASE;
    }
    if (e.kind == INPUT_WHEEL ? down && button < 2 : button < 3 && (down || e.kind == INPUT_RELEASE))
        push(in, e);
}

static void control_sequence(struct input *in, int64_t mono)
{
    const char *s = (const char *)in->seq;
    size_t n = in->n_seq;
    int key = lookup(in, s, n);
    if (n >= 3 && s[1] == '[' && s[2] == '<') {
        mouse(in, s, n);
    } else if (n == 6 && memcmp(s, "\033[200~", 6) == 0) {
        in->pasting = true;
        buf_clear(&in->paste);
    } else if (n == 3 && memcmp(s, "\033[I", 3) == 0) {
        in->deaf_until = mono + INPUT_FOCUS_NS;
    } else if (key) {
        push_key(in, key, mono);
    }
    in->n_seq = 0;
}

static bool final_byte(const struct input *in)
{
    size_t n = in->n_seq;
    uint8_t b = in->seq[n - 1];
    if (in->seq[1] == 'O')
        return n == 3;
    if (n == 3 && b == '[')
        return false; /* the Linux console's F keys: ESC [ [ A */
    if (n == 4 && in->seq[2] == '[')
        return true;
    return n >= 3 && b >= 0x40 && b <= 0x7e;
}

static void escape_byte(struct input *in, uint8_t b, int64_t mono)
{
    if (in->n_seq == INPUT_SEQ_MAX || b == 0x18 || b == 0x1a) {
        in->n_seq = 0; /* too long, or cancelled */
        return;
    }
    if (b == 033) { /* an unfinished sequence is forgotten; two ESC in a row are one key and a new start */
        if (in->n_seq == 1)
            push_key(in, KX_ESC, mono);
        in->n_seq = 1;
        return;
    }
    in->seq[in->n_seq++] = b;
    if (in->n_seq == 2) {
        if (b == ']' || b == 'P' || b == '_' || b == '^' || b == 'X') {
            in->string = true;
            in->n_seq = 0;
        } else if (b != '[' && b != 'O') {
            in->n_seq = 0; /* Alt and a letter: no such command */
        }
    } else if (final_byte(in)) {
        control_sequence(in, mono);
    }
}

static void paste_byte(struct input *in, uint8_t b)
{
    static const char end[] = "\033[201~";
    if (in->paste.len < INPUT_PASTE_MAX)
        buf_putc(&in->paste, b);
    else /* keep the last bytes, to see the end */
        memmove(in->paste.data + INPUT_PASTE_MAX - 6, in->paste.data + INPUT_PASTE_MAX - 5, 5),
            in->paste.data[INPUT_PASTE_MAX - 1] = b;
    if (in->paste.len < 6 || memcmp(in->paste.data + in->paste.len - 6, end, 6) != 0)
        return;
    in->pasting = false;
    in->paste.len -= 6;
    push(in,
         (struct input_event){.kind = INPUT_PASTE, .text = (const char *)in->paste.data, .n = in->paste.len});
}

/* ---- characters ---- */

static void text_byte(struct input *in, uint8_t b, int64_t mono)
{
    uint32_t cp;
    if (in->n_seq == 0 && b < 0x80) {
        push_key(in, b == '\n' ? KX_ENTER : b == 8 ? KX_BACKSPACE : b, mono);
        return;
    }
    if (in->n_seq && (b & 0xc0) != 0x80) { /* the character before was cut short */
        in->n_seq = 0;
        text_byte(in, b, mono);
        return;
    }
    in->seq[in->n_seq++] = b;
    size_t used = utf8_decode((const char *)in->seq, in->n_seq, &cp);
    if (used == in->n_seq) {
        in->n_seq = 0;
        push_key(in, (int)cp, mono);
    } else if (in->n_seq >= 4) {
        in->n_seq = 0;
    }
}

static void string_byte(struct input *in, uint8_t b)
{
    if (b == 7 || b == 0x9c || (b == '\\' && in->n_seq == 1) || b == 0x18) {
        in->string = false;
        in->n_seq = 0;
        return;
    }
    in->n_seq = b == 033;
}

void input_feed(struct input *in, const void *bytes, size_t n, int64_t mono)
{
    const uint8_t *p = bytes;
    in->last = mono;
    for (size_t i = 0; i < n; i++) {
        if (in->pasting)
            paste_byte(in, p[i]);
        else if (in->string)
            string_byte(in, p[i]);
        else if (in->n_seq && in->seq[0] == 033)
            escape_byte(in, p[i], mono);
        else if (p[i] == 033) {
            in->seq[0] = 033;
            in->n_seq = 1;
        } else
            text_byte(in, p[i], mono);
    }
}

void input_tick(struct input *in, int64_t mono, int64_t esc_ns)
{
    if (in->n_seq && in->seq[0] == 033 && !in->string && mono - in->last >= esc_ns) {
        bool lone = in->n_seq == 1;
        in->n_seq = 0; /* a sequence that never ended is no command */
        if (lone)
            push_key(in, KX_ESC, mono);
    }
    if (in->string && mono - in->last >= 40 * esc_ns) {
        in->string = false;
        in->n_seq = 0;
    }
    if (in->dropped && mono - in->burst_start > INPUT_BURST_NS) {
        push(in, (struct input_event){.kind = INPUT_DROPPED, .by = in->dropped});
        in->dropped = in->burst = 0;
    }
}

int64_t input_deadline(const struct input *in, int64_t esc_ns)
{
    int64_t at = INT64_MAX;
    if (in->n_seq && in->seq[0] == 033)
        at = in->last + esc_ns;
    if (in->string && in->last + 40 * esc_ns < at)
        at = in->last + 40 * esc_ns;
    if (in->dropped && in->burst_start + INPUT_BURST_NS + 1 < at)
        at = in->burst_start + INPUT_BURST_NS + 1;
    return at;
}

bool input_next(struct input *in, struct input_event *out)
{
    if (in->head == in->tail)
        return false;
    *out = in->queue[in->head];
    in->head = (in->head + 1) % QUEUE;
    return true;
}
