#include "normalize/correlate_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_FIRST = 256 * 1024, BYTES_MAX = 64 << 20, NUMBER_BYTES = 24, LABEL_BYTES = 8192 };

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for a line of output");
}

struct err
correlate_write_init(struct correlate_out *o, FILE *out)
{
    *o =
        (struct correlate_out){.out = out, .text = {.p = malloc(BYTES_FIRST), .size = BYTES_FIRST}};
    return o->text.p != NULL ? ERR_OK : no_memory();
}

void
correlate_write_fini(struct correlate_out *o)
{
    free(o->text.p);
    *o = (struct correlate_out){.out = NULL};
}

static struct err
write_out(struct correlate_out *o)
{
    if (o->text.n > 0 && fwrite(o->text.p, 1, o->text.n, o->out) != o->text.n)
        return err_make(ERR_STOP, "correlate.write", "output: %s", strerror(errno));
    o->text.n = 0;
    return ERR_OK;
}

struct err
correlate_write_flush(struct correlate_out *o)
{
    struct err e = write_out(o);
    if (!e.kind && fflush(o->out) != 0)
        e = err_make(ERR_STOP, "correlate.write", "output: %s", strerror(errno));
    return e;
}

/* "tenant/12" */
static void
put_label(struct line *l, struct slice tenant, int64_t incident)
{
    char label[LABEL_BYTES + NUMBER_BYTES], digits[NUMBER_BYTES];
    size_t n = tenant.n < LABEL_BYTES ? tenant.n : LABEL_BYTES, at = NUMBER_BYTES;
    uint64_t left = (uint64_t)incident;
    if (n > 0)
        memcpy(label, tenant.p, n);
    label[n++] = '/';
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    memcpy(label + n, digits + at, NUMBER_BYTES - at);
    line_json(l, (struct slice){label, n + NUMBER_BYTES - at});
}

static void
put_record(struct line *l, struct slice tenant, struct slice id, int64_t incident,
           const struct correlate_why *why)
{
    line_put(l, SLICE("{\"id\":"));
    line_json(l, id);
    line_put(l, SLICE(",\"incident\":"));
    put_label(l, tenant, incident);
    if (why != NULL && why->partner.p != NULL) {
        line_put(l, SLICE(",\"partner\":"));
        line_json(l, why->partner);
        if (why->score > 0)
            line_printf(l, ",\"score\":%lld", (long long)why->score);
        line_put(l, SLICE(",\"why\":"));
        line_put(l, why->parts);
    }
    line_put(l, SLICE("}\n"));
}

struct err
correlate_write(struct correlate_out *o, struct slice tenant, struct slice id, int64_t incident,
                const struct correlate_why *why)
{
    for (;;) {
        struct line *l = &o->text;
        size_t before = l->n;
        l->full = false;
        put_record(l, tenant, id, incident, why);
        if (!l->full)
            return ERR_OK;
        l->n = before;
        if (before > 0) {
            struct err e = write_out(o);
            if (e.kind)
                return e;
            continue;
        }
        char *more = l->size < BYTES_MAX ? realloc(l->p, l->size * 2) : NULL;
        if (more == NULL)
            return no_memory();
        l->p = more;
        l->size *= 2;
    }
}
