/*
 * evaluate_command.c: memberships and the right answer in, measures out.
 *
 * Measures are floating point: they are for people, no incident depends on them.
 */
#include "normalize/evaluate_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "normalize/correlate_read.h"
#include "normalize/evaluate.h"
#include "normalize/lines.h"
#include "normalize/names.h"

enum { ARENA_BYTES = 512 << 20, ALERTS_FIRST = 1024, COLUMNS = 4, UNKNOWN = -1 };

/* What is known of an alert, by the number of its id. */
struct labelled {
    int64_t truth, found, tenant, source;
    bool attack;
};

struct evaluation {
    struct arena *line, *a;
    struct names *ids, *truths, *incidents, *tenants, *sources;
    struct labelled *of;
    size_t n, cap;
    size_t ignored; /* memberships of alerts that have no label */
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "evaluate.memory", "no memory for so many alerts");
}

static struct err
bad(const char *what)
{
    return err_make(ERR_REJECT, "evaluate.input", "%s", what);
}

/* ---- reading */

static bool
open_file(const char *path, FILE **out, struct err *e)
{
    *out = fopen(path, "r");
    if (*out == NULL)
        *e = err_make(ERR_STOP, "evaluate.open", "%.80s: %s", path, strerror(errno));
    return *out != NULL;
}

/* A label is text; a number is taken as its digits. */
static struct slice
label(struct json v, struct arena *a)
{
    return json_type(v) == JSON_INT ? json_minify(v, a) : json_text(v);
}

static struct err
number_of(struct names *names, struct slice text, int64_t *out)
{
    *out = names_add(names, text);
    return *out != NAMES_NONE ? ERR_OK : no_memory();
}

static struct err
new_alert(struct evaluation *v, struct labelled **out)
{
    if (v->n == v->cap) {
        size_t cap = v->cap == 0 ? ALERTS_FIRST : v->cap * 2;
        void *more = realloc(v->of, cap * sizeof(*v->of));
        if (more == NULL)
            return no_memory();
        v->of = more;
        v->cap = cap;
    }
    v->of[v->n] = (struct labelled){.found = UNKNOWN, .source = UNKNOWN};
    *out = &v->of[v->n++];
    return ERR_OK;
}

/* {"id":..,"truth":..,"attack":true} and, where they are known, "tenant" and "source". */
static struct err
take_truth(struct evaluation *v, struct json doc)
{
    struct slice id = json_get_text(doc, "id"), truth = label(json_get(doc, "truth"), v->line);
    struct slice tenant = json_get_text(doc, "tenant"), source = json_get_text(doc, "source");
    struct labelled *x = NULL;
    int64_t number;
    if (id.p == NULL || truth.p == NULL)
        return bad("a line of truth is {\"id\":..,\"truth\":..,\"attack\":true or false}");
    struct err e = number_of(v->ids, id, &number);
    if (!e.kind && (size_t)number < v->n)
        return bad("an id comes twice");
    if (!e.kind)
        e = new_alert(v, &x);
    if (!e.kind)
        e = number_of(v->truths, truth, &x->truth);
    if (!e.kind)
        e = number_of(v->tenants, tenant.p != NULL ? tenant : SLICE(""), &x->tenant);
    if (!e.kind && source.p != NULL)
        e = number_of(v->sources, source, &x->source);
    if (!e.kind)
        x->attack = json_bool(json_get(doc, "attack"), false);
    return e;
}

static struct err
take_membership(struct evaluation *v, struct json doc)
{
    struct slice id = json_get_text(doc, "id"), found = label(json_get(doc, "incident"), v->line);
    if (id.p == NULL || found.p == NULL)
        return bad("a membership is {\"id\":..,\"incident\":..}");
    int64_t at = names_find(v->ids, id);
    v->ignored += at == NAMES_NONE;
    if (at == NAMES_NONE)
        return ERR_OK;
    if (v->of[at].found != UNKNOWN)
        return bad("an id comes twice");
    return number_of(v->incidents, found, &v->of[at].found);
}

static struct err
read_lines(struct evaluation *v, FILE *in, const char *what,
           struct err (*take)(struct evaluation *v, struct json doc))
{
    struct lines lines;
    struct slice text;
    lines_init(&lines, in, what);
    struct err e = lines_next(&lines, &text);
    while (!e.kind && text.p != NULL) {
        struct json doc;
        e = json_parse(text, v->line, &doc);
        if (!e.kind)
            e = take(v, doc);
        arena_reset(v->line);
        if (!e.kind)
            e = lines_next(&lines, &text);
    }
    e = lines_at(&lines, e);
    lines_fini(&lines);
    return e;
}

static struct err
read_file(struct evaluation *v, const char *path,
          struct err (*take)(struct evaluation *v, struct json doc))
{
    FILE *in;
    struct err e = ERR_OK;
    if (!open_file(path, &in, &e))
        return e;
    e = read_lines(v, in, path, take);
    (void)fclose(in);
    return e;
}

/* Tenant and product of an alert, from what the correlator has read. */
static struct err
take_alert(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct evaluation *v = ctx;
    int64_t at = names_find(v->ids, line->alert.native_id);
    (void)a;
    if (at == NAMES_NONE)
        return ERR_OK;
    struct err e = number_of(v->tenants, line->tenant, &v->of[at].tenant);
    return e.kind ? e : number_of(v->sources, line->alert.source, &v->of[at].source);
}

static struct err
read_alerts(struct evaluation *v, const char *path)
{
    const struct correlate_sink sink = {.ctx = v, .alert = take_alert};
    FILE *in;
    struct err e = ERR_OK;
    if (!open_file(path, &in, &e))
        return e;
    e = correlate_read_all(in, path, &sink);
    (void)fclose(in);
    return e;
}

static struct err
read_all(struct evaluation *v, const struct cli *cli)
{
    const char *alerts = cli_flag(cli, "alerts"), *membership = cli_flag(cli, "membership");
    struct err e = read_file(v, cli_flag(cli, "truth"), take_truth);
    if (!e.kind && v->n == 0)
        e = err_make(ERR_REJECT, "evaluate.input", "the file of truth has no line");
    if (!e.kind && alerts != NULL)
        e = read_alerts(v, alerts);
    if (!e.kind && membership != NULL)
        e = read_file(v, membership, take_membership);
    else if (!e.kind)
        e = read_lines(v, stdin, "standard input", take_membership);
    for (size_t i = 0; !e.kind && i < v->n; i++)
        if (v->of[i].found == UNKNOWN)
            e = err_make(ERR_REJECT, "evaluate.missing", "alert %.80s has no membership",
                         slice_cstr(v->a, names_text(v->ids, (int64_t)i)));
    return e;
}

/* ---- measuring */

/* Over what a measure is a mean. */
enum over { OVER_ALL, OVER_ATTACKS, OVER_JOINED };

static const struct {
    const char *name, *key;
    size_t offset;
    enum over over;
    bool count;
} ROWS[] = {
#define ROW(name, key, member, over, count)                                                        \
    {                                                                                              \
        name, key, offsetof(struct evaluate_measures, member), over, count                         \
    }
    ROW("alerts", "alerts", alerts, OVER_ALL, true),
    ROW("incidents", "incidents", incidents, OVER_ALL, true),
    ROW("true groups", "trueGroups", true_groups, OVER_ALL, true),
    ROW("pair precision", "pairPrecision", pair_precision, OVER_ALL, false),
    ROW("pair recall", "pairRecall", pair_recall, OVER_ALL, false),
    ROW("pair F1", "pairF1", pair_f1, OVER_ALL, false),
    ROW("B3 precision", "b3Precision", b3_precision, OVER_ALL, false),
    ROW("B3 recall", "b3Recall", b3_recall, OVER_ALL, false),
    ROW("B3 F1", "b3F1", b3_f1, OVER_ALL, false),
    ROW("adjusted Rand", "adjustedRand", adjusted_rand, OVER_ALL, false),
    ROW("V-measure", "vMeasure", v_measure, OVER_ALL, false),
    ROW("over-merge", "overMerge", over_merge, OVER_ALL, false),
    ROW("largest", "largest", largest, OVER_ALL, false),
    ROW("reduction", "reduction", reduction, OVER_ALL, false),
    ROW("attacks", "attacks", attacks, OVER_ATTACKS, true),
    ROW("completeness", "completeness", completeness, OVER_ATTACKS, false),
    ROW("purity", "purity", purity, OVER_ATTACKS, false),
    ROW("exact", "exact", exact, OVER_ATTACKS, false),
    ROW("fragments", "fragments", fragments, OVER_ATTACKS, false),
    ROW("joined", "joined", joined, OVER_JOINED, false),
#undef ROW
};

enum { N_ROWS = sizeof(ROWS) / sizeof(ROWS[0]) };

struct summary {
    size_t tenants;
    struct row {
        double sum, least, most;
        size_t n; /* tenants with something to measure */
    } rows[N_ROWS];
};

static double
value_of(const struct evaluate_measures *m, size_t row)
{
    double value;
    memcpy(&value, (const char *)m + ROWS[row].offset, sizeof(value));
    return value;
}

static void
add_tenant(struct summary *s, struct evaluate_alert *alerts, size_t n)
{
    struct evaluate_measures m;
    bool has[] = {[OVER_ALL] = true, [OVER_ATTACKS] = false, [OVER_JOINED] = false};
    evaluate_group(alerts, n, &m, &has[OVER_ATTACKS], &has[OVER_JOINED]);
    s->tenants++;
    for (size_t i = 0; i < N_ROWS; i++) {
        struct row *r = &s->rows[i];
        double value = value_of(&m, i);
        if (!has[ROWS[i].over])
            continue;
        r->least = r->n == 0 || value < r->least ? value : r->least;
        r->most = r->n == 0 || value > r->most ? value : r->most;
        r->sum += value;
        r->n++;
    }
}

/* Alerts of a tenant together, in the order of the truth file. */
static int
tenant_order(const void *a, const void *b, void *of)
{
    const struct evaluate_alert *x = a, *y = b;
    const struct labelled *all = of;
    int64_t tx = all[x->order].tenant, ty = all[y->order].tenant;
    if (tx != ty)
        return tx < ty ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static struct err
evaluate_all(struct evaluation *v, struct summary *s)
{
    struct evaluate_alert *alerts = calloc(v->n, sizeof(*alerts));
    if (alerts == NULL)
        return no_memory();
    for (size_t i = 0; i < v->n; i++)
        alerts[i] = (struct evaluate_alert){.truth = v->of[i].truth,
                                            .found = v->of[i].found,
                                            .source = v->of[i].source,
                                            .order = i,
                                            .attack = v->of[i].attack};
    qsort_r(alerts, v->n, sizeof(*alerts), tenant_order, v->of);
    for (size_t from = 0, to; from < v->n; from = to) {
        int64_t tenant = v->of[alerts[from].order].tenant;
        for (to = from; to < v->n && v->of[alerts[to].order].tenant == tenant;)
            to++;
        add_tenant(s, alerts + from, to - from);
    }
    free(alerts);
    return ERR_OK;
}

/* ---- telling */

static struct err
print_table(const struct cli *cli, struct evaluation *v, const struct summary *s)
{
    static const char *const heads[] = {"MEASURE", "MEAN", "LEAST", "MOST", NULL};
    const char **cells = arena_alloc(v->a, sizeof(*cells) * N_ROWS * COLUMNS);
    size_t n = 0;
    if (cells == NULL)
        return no_memory();
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *r = &s->rows[i];
        const double values[] = {r->sum / (double)(r->n > 0 ? r->n : 1), r->least, r->most};
        if (r->n == 0)
            continue;
        cells[n * COLUMNS] = ROWS[i].name;
        for (size_t k = 0; k < 3; k++) {
            struct slice text = slice_printf(v->a, ROWS[i].count ? "%.0f" : "%.3f", values[k]);
            cells[n * COLUMNS + 1 + k] = slice_cstr(v->a, text);
            if (cells[n * COLUMNS + 1 + k] == NULL)
                return no_memory();
        }
        n++;
    }
    cli_table(&(struct cli_table){heads, cells, n});
    cli_say(cli, "means over %zu tenant%s", s->tenants, s->tenants == 1 ? "" : "s");
    if (v->ignored > 0)
        cli_say(cli, "%zu memberships of alerts without a label were left out", v->ignored);
    return ERR_OK;
}

/* Names are ours and need no escapes; what is composed by the library prints 17 digits. */
static void
print_json(const struct evaluation *v, const struct summary *s)
{
    const char *comma = "";
    printf("{\"tenants\":%zu,\"unlabelled\":%zu,\"measures\":{", s->tenants, v->ignored);
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *r = &s->rows[i];
        if (r->n == 0)
            continue;
        printf("%s\"%s\":{\"mean\":%.8f,\"least\":%.8f,\"most\":%.8f}", comma, ROWS[i].key,
               r->sum / (double)r->n, r->least, r->most);
        comma = ",";
    }
    printf("}}\n");
}

static struct err
evaluate(struct evaluation *v, const struct cli *cli)
{
    struct summary s = {.tenants = 0};
    struct err e = read_all(v, cli);
    if (!e.kind)
        e = evaluate_all(v, &s);
    if (!e.kind && cli_json(cli))
        print_json(v, &s);
    else if (!e.kind)
        e = print_table(cli, v, &s);
    if (!e.kind && fflush(stdout) != 0)
        e = err_make(ERR_STOP, "evaluate.write", "standard output: %s", strerror(errno));
    return e;
}

static int
evaluate_run(struct cli *cli)
{
    struct evaluation v = {.line = arena_new(ARENA_BYTES), .a = arena_new(ARENA_BYTES)};
    struct names **names[] = {&v.ids, &v.truths, &v.incidents, &v.tenants, &v.sources};
    struct err e = ERR_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((*names[i] = names_new()) == NULL)
            e = no_memory();
    if (v.line == NULL || v.a == NULL)
        e = no_memory();
    if (!e.kind)
        e = evaluate(&v, cli);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        names_free(*names[i]);
    free(v.of);
    arena_free(v.line);
    arena_free(v.a);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

static const struct cli_flag FLAGS[] = {
    {.name = "truth",
     .value = "FILE",
     .help = "The right answer: {\"id\",\"truth\",\"attack\"} a line.",
     .required = true},
    {.name = "membership",
     .value = "FILE",
     .help = "What `weir correlate` wrote; standard input when not given."},
    {.name = "alerts",
     .value = "FILE",
     .help = "What it read: says which tenant and product an alert is of."},
    {.name = NULL}};

const struct cli_command evaluate_command = {
    .noun = "evaluate",
    .summary = "measure incidents against the right answer",
    .example = "weir evaluate --truth truth.jsonl < membership.jsonl",
    .flags = FLAGS,
    .run = evaluate_run,
};
