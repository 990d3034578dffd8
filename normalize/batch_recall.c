/* batch_recall.c: what of a window's tenants has to be in memory before they are told anything. */
#include "common/metric.h"
#include "normalize/batch_internal.h"

static void
on_recalled(void *arg, struct err e)
{
    struct batch *b = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            e = tenants_loaded(b->shares[i].tenant);
    if (e.kind)
        batch_fail(b, e);
    else
        batch_write(b);
}

/* The incidents are known by id now. */
static void
on_answered(void *arg, struct err e)
{
    struct batch *b = arg;
    bool any = false;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++) {
        struct share *s = &b->shares[i];
        if (s->fenced)
            continue;
        e = recall_answered(&s->recall);
        metric_add(METRIC_weir_correlation_recall_cut_total, (int64_t)s->recall.cut);
        if (e.kind || s->recall.n_incidents == 0)
            continue;
        metric_add(METRIC_weir_correlation_recalls_total, 1);
        tenants_recall(s->tenant, b->env->db, b->work, s->recall.incidents, s->recall.n_incidents);
        any = true;
    }
    if (e.kind)
        batch_fail(b, e);
    else if (any)
        db_sync(b->env->db, on_recalled, b);
    else
        batch_write(b);
}

void
batch_recall(struct batch *b)
{
    struct err e = ERR_OK;
    bool any = false, asked = false;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++) {
        struct share *s = &b->shares[i];
        if (s->fenced)
            continue;
        recall_begin(&s->recall, s->tenant->engine, b->work);
        e = s->decide != NULL ? decide_recall(s->decide, &s->recall)
                              : judge_recall(s, &s->recall, b->work);
        if (e.kind)
            break;
        asked = recall_ask(&s->recall, b->env->db, &s->tenant->oid) || asked;
        any = any || asked || s->recall.n_incidents > 0;
    }
    if (e.kind)
        batch_fail(b, e);
    else if (asked)
        db_sync(b->env->db, on_answered, b);
    else if (any)
        on_answered(b, ERR_OK);
    else
        batch_write(b);
}
