/* The wire does not drift: every kind of message and event, encoded from fixed content, must be the bytes in
 * tests/golden/protocol, and those bytes must decode to that content. A new kind needs a new line here and a new file:
 * HYPERTOP_GOLDEN=write makes missing files (existing ones are never overwritten). Content is written as JSON;
 * {"$bin": "hex"} stands for a binary. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/event.h"
#include "proto/message.h"
#include "proto/points.h"

/* Below the checkout, wherever the test is started from. */
static const char *root(void)
{
    const char *r = getenv("HYPERTOP_ROOT");
    return r && *r ? r : ".";
}

/* ---- content ---- */

static const struct {
    enum msg_kind kind;
    int id;
    enum msg_role role;
    const char *body;
} messages[] = {
    {MSG_HELLO, 1, ROLE_AGENT, "{'program':'myagent','version':'1.0','user':'ada','host':'node7','pid':4242}"},
    {MSG_WELCOME, 1, ROLE_HUB,
     "{'hub':'default','version':'0.1.0','pid':4000,'time':1700000000.25,'readonly':false,'role':'agent'}"},
    {MSG_PING, 2, ROLE_AGENT, "{}"},
    {MSG_PONG, 2, ROLE_HUB, "{'time':1700000002.5,'pid':4000}"},
    {MSG_ERROR, 9, ROLE_HUB, "{'message':'unknown message sing'}"},
    {MSG_BYE, 7, ROLE_AGENT, "{}"},
    {MSG_BYE_OK, 7, ROLE_HUB, "{}"},
    {MSG_WORKER_JOIN, 3, ROLE_AGENT,
     "{'host':'node7','pid':4242,'slots':2,'token':'4f1d','runs':[{'run':5,'epoch':1,'seq':18}]}"},
    {MSG_RUN_ATTACH, 3, ROLE_AGENT,
     "{'program':'train.py','host':'node7','pid':4242,'params':{'lr':0.01,'optimizer':'adam','batch':64,'nesterov':false}}"},
    {MSG_LEASE, 0, ROLE_HUB,
     "{'sweep':'digits','trial':4,'run':5,'seed':1234567890123,'epoch':1,'params':{'lr':0.01,'layers':3},"
     "'argv':['./train','--lr=0.01'],'env':{'CUDA_VISIBLE_DEVICES':'0'},'cwd':'/home/ada/digits','fidelity':27}"},
    {MSG_DATA, 0, ROLE_AGENT,
     "{'run':5,'epoch':1,'seq':1,'events':[['report',1700000000037700000,{'trial':4,'step':100,'value':0.25}],"
     "['points',1700000000037600000,{'c':{'$bin':'01046c6f73730300c80118128080d0e2c6bfce972f07fca4020032020308e807fa007d'}}]]}"},
    {MSG_ACK, 0, ROLE_HUB, "{'run':5,'epoch':1,'seq':1}"},
    {MSG_COMMAND, 0, ROLE_HUB, "{'run':5,'epoch':1,'command':12,'verb':'set','args':{'params':{'lr':0.001}}}"},
    {MSG_SWEEP_START, 4, ROLE_OPERATOR,
     "{'yaml':'method: random\\n','path':'/home/ada/sweep.yaml','cwd':'/home/ada','env':{'PATH':'/usr/bin:/bin'},"
     "'options':{'tuner':'random','seed':7,'budget':100,'workers':2,'name':'digits'}}"},
    {MSG_VIEW, 5, ROLE_VIEWER, "{'view':'trials','from':0,'rows':40,'sort':'-value','filter':'lr<0.1','spark':12}"},
    {MSG_SUB, 6, ROLE_OPERATOR, "{'view':'summary','hz':10,'cursor':-1}"},
    {MSG_UNSUB, 0, ROLE_OPERATOR, "{'sub':6}"},
    {MSG_VIEW_DATA, 5, ROLE_HUB,
     "{'sub':5,'full':true,'count':1,'parts':[[0,{'trial':4,'state':'running','value':0.25,'step':100}]],'head':{'total':1}}"},
    {MSG_SEND, 8, ROLE_OPERATOR,
     "{'verb':'set','target':'4','args':{'params':{'lr':0.001}},'reason':'diverging','sweep':'','who':'ada@node1','wait':true}"},
    {MSG_RESULT, 8, ROLE_HUB,
     "{'id':12,'verb':'set','target':'4','state':'applied','message':'lr 0.01 -> 0.001 at step 120','more':false}"},
    {MSG_HUB_STOP, 10, ROLE_OPERATOR, "{}"},
    {MSG_OK, 3, ROLE_HUB, "{'sweep':'adhoc-1','trial':0,'run':0,'epoch':1}"},
};

static const struct {
    enum event_kind kind;
    const char *body;
} events[] = {
    {EV_SWEEP, "{'sweep':'digits','yaml':'method: random\\n','path':'/home/ada/sweep.yaml','cwd':'/home/ada','env':{},"
               "'metric':'error','goal':'minimize','tuner':'random','seed':7,'budget':100,'workers':2,'adhoc':false}"},
    {EV_SPACE, "{'version':2,'yaml':'parameters:\\n'}"},
    {EV_TRIAL, "{'trial':4,'params':{'lr':0.01,'optimizer':'adam'},'dna':[0.5,0.25],'origin':'tuner','space_version':1,"
               "'parent':null,'propensity':0.125,'arm':3,'why':'posterior draw'}"},
    {EV_TRIAL_STATE, "{'trial':4,'state':'stopped','why':'rung 2','intervention':null}"},
    {EV_RUN, "{'run':5,'trial':4,'seed':1,'epoch':1,'state':'running','worker':1,'pid':4242,'exit':null,'signal':null,"
             "'why':'','phase':''}"},
    {EV_POINTS, "{'run':5,'epoch':1,'seq':1,'c':{'$bin':'01046c6f73730300c80118128080d0e2c6bfce972f07fca4020032020308e807fa007d'}}"},
    {EV_TEXT, "{'run':5,'epoch':1,'seq':2,'stream':'out','text':'epoch 1 done'}"},
    {EV_REPORT, "{'run':5,'epoch':1,'seq':2,'trial':4,'step':100,'value':0.25}"},
    {EV_TELL, "{'trial':4,'step':100,'value':0.25,'state':'running','action':'continue','why':'','rung':1}"},
    {EV_DECLARE, "{'run':5,'epoch':1,'seq':1,'name':'lr','type':'float','low':1e-5,'high':0.1,'log':true,'choices':null,"
                 "'live':true,'value':0.01}"},
    {EV_COMMAND, "{'run':5,'epoch':1,'seq':3,'command':12,'state':'applied','param':'lr','old':0.01,'new':0.001,'step':120,"
                 "'message':''}"},
    {EV_CHECKPOINT, "{'run':5,'epoch':1,'seq':4,'path':'/home/ada/digits/ckpt-100.npz','step':100}"},
    {EV_PULLS, "{'run':5,'epoch':1,'seq':5,'bandit':0,'c':{'$bin':'01010002008080d0e2c6bfce972f000600808080e8070000020000180200008080808080808008'}}"},
    {EV_BANDIT, "{'run':5,'epoch':1,'seq':1,'bandit':0,'name':'omega','algorithm':'tsallis_inf','arms':['1.0','1.5','1.9']}"},
    {EV_RUN_STATE, "{'run':5,'epoch':1,'seq':9,'state':'exited','pid':4242,'exit':0,'signal':0,'message':''}"},
    {EV_ARMS, "{'bandit':0,'rows':[{'arm':0,'label':'adam','pulls':12,'mean':0.25,'low':0.125,'high':0.375,'p_next':0.5,"
              "'p_best':0.75,'banned':false,'pinned':false,'boost':1.0}]}"},
    {EV_INTERVENTION, "{'id':12,'who':'ada@node1','verb':'set','target':'4','args':{'params':{'lr':0.001}},'reason':'diverging',"
                      "'undo_of':null,'state':'applied','message':'','step':120,'run':5}"},
    {EV_WORKER, "{'worker':1,'host':'node7','pid':4242,'slots':2,'state':'joined'}"},
    {EV_TUNER, "{'asks':10,'tells':8,'dump':{'$bin':'00ff10'}}"},
    {EV_HUB, "{'what':'started','pid':4000,'version':'0.1.0','text':''}"},
    {EV_HOST, "{'run':5,'epoch':1,'seq':7,'host':'node7','role':'worker','cpu':0.5,'memory':1024.0,'memory_total':4096.0,'load':2.0,"
              "'gpus':[{'name':'A','use':0.75,'memory':1.0,'memory_total':2.0,'power':250.0,'temperature':61.0}],'power':250.0}"},
    {EV_SURFACE, "{'run':5,'epoch':1,'seq':8,'surface':3,'step':12,'columns':3,'rows':1,'x0':-1.0,'x1':1.0,'y0':0.5,'y1':0.5,"
                 "'norm':'filter','loss':0.25,'done':3,'state':'failed','why':'x','at':[1,0,2],'z':[0.25,0.5,0.75]}"},
};

/* ---- JSON to MessagePack ---- */

static void put_hex(struct buf *b, const char *hex)
{
    unsigned v;
    for (; sscanf(hex, "%2x", &v) == 1 && hex[0] && hex[1]; hex += 2)
        buf_putc(b, (int)v);
}

static void put_json(struct codec_writer *w, const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;
    switch (json_typeof(v)) {
    case JSON_NULL: cw_nil(w); break;
    case JSON_TRUE:
    case JSON_FALSE: cw_bool(w, json_is_true(v)); break;
    case JSON_INTEGER: cw_int(w, json_integer_value(v)); break;
    case JSON_REAL: cw_double(w, json_real_value(v)); break;
    case JSON_STRING: cw_strn(w, json_string_value(v), json_string_length(v)); break;
    case JSON_ARRAY:
        cw_array(w, json_array_size(v));
        json_array_foreach(v, i, item) put_json(w, item);
        break;
    case JSON_OBJECT:
        item = json_object_get(v, "$bin");
        if (item) {
            struct buf bin = {0};
            put_hex(&bin, json_string_value(item));
            cw_bin(w, bin.data, bin.len);
            buf_release(&bin);
            break;
        }
        cw_map(w, json_object_size(v));
        json_object_foreach((json_t *)v, key, item)
        {
            cw_str(w, key);
            put_json(w, item);
        }
    }
}

/* Single quotes stand for double ones, so that the tables above can be read. */
static void put_text(struct codec_writer *w, const char *text)
{
    json_error_t error;
    struct buf b = {0};
    for (; *text; text++)
        buf_putc(&b, *text == '\'' ? '"' : *text);
    json_t *v = json_loadb((const char *)b.data, b.len, 0, &error);
    if (!v)
        fail_msg("%s in %s", error.text, buf_cstr(&b));
    put_json(w, v);
    json_decref(v);
    buf_release(&b);
}

/* ---- files: `# JSON of the content`, then lines of 16 bytes in hexadecimal ---- */

static char *file_of(const char *kind, const char *name)
{
    struct buf b = {0};
    buf_printf(&b, "%s/tests/golden/protocol/%s-%s.hex", root(), kind, name);
    return buf_take(&b);
}

static void write_file(const char *path, const struct buf *bytes, const char *json)
{
    FILE *f = fopen(path, "wx");
    if (!f)
        return;
    fprintf(f, "# %s\n", json);
    for (size_t i = 0; i < bytes->len; i++)
        fprintf(f, "%02x%c", bytes->data[i], i % 16 == 15 || i + 1 == bytes->len ? '\n' : ' ');
    fclose(f);
}

/* Reads a file into bytes and json; fails the test when it is missing. */
static void read_file(const char *path, struct buf *bytes, struct buf *json)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    if (!f)
        fail_msg("%s is missing; HYPERTOP_GOLDEN=write makes it", path);
    while ((n = getline(&line, &cap, f)) > 0) {
        unsigned v;
        int used;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            buf_puts(json, line + 2);
        else
            for (char *s = line; sscanf(s, "%2x%n", &v, &used) == 1; s += used)
                buf_putc(bytes, (int)v);
    }
    free(line);
    fclose(f);
}

static void as_json(const struct buf *bytes, struct buf *out)
{
    struct json_out j;
    jw_open(&j, out);
    codec_to_json((struct span){(const char *)bytes->data, bytes->len}, &j);
}

/* Compares what was encoded with the file, and what the file decodes to with what the file says. */
static void check(const char *kind, const char *name, struct buf *made)
{
    struct buf bytes = {0}, json = {0}, back = {0};
    char *path = file_of(kind, name);
    const char *mode = getenv("HYPERTOP_GOLDEN");
    as_json(made, &back);
    if (mode && strcmp(mode, "write") == 0)
        write_file(path, made, buf_cstr(&back));
    read_file(path, &bytes, &json);
    if (bytes.len != made->len || memcmp(bytes.data, made->data, made->len) != 0)
        fail_msg("%s: the encoding has changed; the wire format must not", path);
    buf_clear(&back);
    as_json(&bytes, &back);
    assert_string_equal(buf_cstr(&back), buf_cstr(&json));
    free(path);
    buf_release(&bytes);
    buf_release(&json);
    buf_release(&back);
}

static void every_kind_of_message_has_its_bytes(void **state)
{
    bool seen[MSG_COUNT] = {false};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct buf b = {0};
        struct codec_writer w;
        struct message m;
        const char *why;
        msg_begin(&w, &b, messages[i].kind, messages[i].id, messages[i].role);
        put_text(&w, messages[i].body);
        assert_true(msg_parse(&m, b.data, b.len, &why));
        assert_int_equal(m.kind, messages[i].kind);
        assert_int_equal(m.id, messages[i].id);
        assert_true(msg_allowed(m.kind, m.role));
        check("message", msg_name(m.kind), &b);
        seen[m.kind] = true;
        buf_release(&b);
    }
    for (enum msg_kind k = MSG_UNKNOWN + 1; k < MSG_COUNT; k++)
        if (!seen[k])
            fail_msg("no golden message for '%s'", msg_name(k));
}

static void every_kind_of_event_has_its_bytes(void **state)
{
    bool seen[EV_COUNT] = {false};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct buf b = {0};
        struct codec_writer w;
        cw_init(&w, &b);
        put_text(&w, events[i].body);
        check("event", event_name(events[i].kind), &b);
        seen[events[i].kind] = true;
        buf_release(&b);
    }
    for (enum event_kind k = EV_UNKNOWN + 1; k < EV_COUNT; k++)
        if (!seen[k])
            fail_msg("no golden event for '%s'", event_name(k));
}

/* ---- packed columns, wrapped as one binary each ---- */

static void check_bin(const char *name, const struct buf *packed)
{
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_bin(&w, packed->data, packed->len);
    check("columns", name, &b);
    buf_release(&b);
}

#define T0 INT64_C(1700000000000000000)

/* The example of hypertop-protocol(7): three points of "loss". */
static void the_manuals_points_have_their_bytes(void **state)
{
    static const int64_t steps[] = {100, 112, 124}, times[] = {T0, T0 + 18750000, T0 + 37600000};
    static const double values[] = {0.75, 0.5, 0.625};
    struct buf b = {0};
    points_begin(&b);
    points_add(&b, "loss", 3, steps, times, values);
    check_bin("points-manual", &b);
    buf_release(&b);
}

static void every_form_of_points_has_its_bytes(void **state)
{
    enum { N = 70 };
    static const double odd[] = {0.1, -0.0, 1e300, 5e-324, 12345.678901234567};
    int64_t steps[N], times[N], near[N];
    double decimals[N], floats[N], raw[N];
    struct buf b = {0};
    for (int i = 0; i < N; i++) {
        steps[i] = (int64_t)i * i;
        times[i] = T0 + (int64_t)i * 1000000 + (i * 7919 % 1000) * 1000;
        near[i] = times[i] + 300 + i % 5;
        decimals[i] = i % 9 == 8 ? (double)NAN : (double)(9000 + i * 37 % 100) / 10000;
        floats[i] = (double)(float)(1.0 / (3 + i));
        raw[i] = odd[i % 5];
    }
    decimals[3] = (double)-INFINITY;
    uint64_t quiet = UINT64_C(0x7ff8000000000000); /* the sign of the compiler's NAN is not ours to rely on */
    for (int i = 8; i < N; i += 9)
        memcpy(&decimals[i], &quiet, sizeof quiet);
    points_begin(&b);
    points_add(&b, "decimal", N, steps, times, decimals);
    struct point_block like = {.n = N, .steps = steps, .times = times};
    points_add_like(&b, "float", N, steps, near, floats, &like);
    points_add(&b, "raw", N, near, steps, raw);
    points_add(&b, "one", 1, steps + 5, times + 5, raw + 2);
    check_bin("points-forms", &b);
    buf_release(&b);
}

static void pulls_have_their_bytes(void **state)
{
    struct pull p[40];
    struct buf b = {0};
    for (int i = 0; i < 40; i++)
        p[i] = (struct pull){.t = i + 1, .time = T0 + i * 5000, .cost = 100 + i * 31 % 17, .context = i * 0.5,
                             .propensity = i % 3 ? 0.25f : 0.125f, .arm = (uint16_t)(i * 7 % 11), .forced = i == 20};
    pulls_pack(&b, p, 40);
    check_bin("pulls", &b);
    buf_release(&b);
}

/* ---- the manual ---- */

static char *read_manual(void)
{
    struct buf path = {0}, text = {0};
    buf_printf(&path, "%s/man/hypertop-protocol.7", root());
    FILE *f = fopen(buf_cstr(&path), "r");
    if (!f)
        fail_msg("%s cannot be read", buf_cstr(&path));
    for (int c; (c = getc(f)) != EOF;)
        buf_putc(&text, c);
    fclose(f);
    buf_release(&path);
    return buf_take(&text);
}

static void the_manual_names_every_kind(void **state)
{
    char *manual = read_manual();
    for (enum msg_kind k = MSG_UNKNOWN + 1; k < MSG_COUNT; k++) {
        struct buf item = {0};
        buf_printf(&item, ".It Cm %s Brq", msg_name(k));
        if (!strstr(manual, buf_cstr(&item)))
            fail_msg("hypertop-protocol(7) has no item for the message '%s'", msg_name(k));
        buf_release(&item);
    }
    const char *list = strstr(manual, ".Sh EVENTS"), *end = list ? strstr(list, ".Sh COMMANDS") : NULL;
    assert_non_null(end);
    for (enum event_kind k = EV_UNKNOWN + 1; k < EV_COUNT; k++) {
        size_t n = strlen(event_name(k));
        const char *at = list;
        do
            at = strstr(at + 1, event_name(k));
        while (at && at < end && (at[-1] != ' ' || !strchr(" \n", at[n])));
        if (!at || at >= end)
            fail_msg("hypertop-protocol(7) does not name the event '%s'", event_name(k));
    }
    free(manual);
}

/* The bytes at the start of each line of the example, up to the two blanks before its comment. */
static void the_manuals_example_is_the_golden_file(void **state)
{
    char *manual = read_manual(), *path = file_of("columns", "points-manual");
    char *line = strstr(manual, "example begins"), *end = line ? strstr(line, "example ends") : NULL;
    struct buf bytes = {0}, json = {0}, shown = {0};
    struct codec_reader r;
    assert_non_null(end);
    for (; line && line < end; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        unsigned v;
        int used;
        for (char *s = line; sscanf(s, "%2x%n", &v, &used) == 1 && used == 2; s += 3) {
            buf_putc(&shown, (int)v);
            if (s[2] != ' ' || s[3] == ' ')
                break;
        }
    }
    read_file(path, &bytes, &json);
    cr_init(&r, bytes.data, bytes.len);
    struct span want = cr_bin(&r);
    assert_int_equal(shown.len, want.n);
    assert_memory_equal(shown.data, want.p, want.n);
    free(manual);
    free(path);
    buf_release(&bytes);
    buf_release(&json);
    buf_release(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_message_has_its_bytes),
        cmocka_unit_test(every_kind_of_event_has_its_bytes),
        cmocka_unit_test(the_manuals_points_have_their_bytes),
        cmocka_unit_test(every_form_of_points_has_its_bytes),
        cmocka_unit_test(pulls_have_their_bytes),
        cmocka_unit_test(the_manual_names_every_kind),
        cmocka_unit_test(the_manuals_example_is_the_golden_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
