/* Any payload of a control record (the first byte picks the kind), and any body of a client: what
 * is taken is within its bounds, and is the same again when it was written and read once more. */
#include "fuzz.h"

#include <string.h>

#include "serve/change.h"

static void
check_same(const struct decision *x, const struct decision *y)
{
    if (x->kind != y->kind || x->into != y->into || x->status != y->status ||
        x->classification != y->classification || x->determination != y->determination ||
        x->n_tags != y->n_tags || x->has_tags != y->has_tags || x->n_alerts != y->n_alerts ||
        !slice_eq(x->comment, y->comment) || !slice_eq(x->assigned_to, y->assigned_to) ||
        (x->assigned_to.p != NULL) != (y->assigned_to.p != NULL))
        abort();
    for (size_t i = 0; i < x->n_tags; i++)
        if (!slice_eq(x->tags[i], y->tags[i]))
            abort();
    for (size_t i = 0; i < x->n_alerts; i++)
        if (!slice_eq(x->alerts[i].native_id, y->alerts[i].native_id))
            abort();
}

static void
check_again(const struct decision *d, struct arena *a)
{
    struct decision again;
    struct slice text = decision_payload(d, a);
    if (d->n_tags > DECISION_TAGS_MAX || d->n_alerts > DECISION_ALERTS_MAX ||
        d->comment.n > DECISION_COMMENT_BYTES ||
        (d->comment.n > 0 && memchr(d->comment.p, '\0', d->comment.n) != NULL))
        abort();
    if (text.p == NULL)
        return;
    struct err e =
        decision_read(slice_of(decision_kind_word(d->kind)), d->incident_id, text, a, &again);
    if (e.kind == ERR_RETRY)
        return;
    if (e.kind)
        abort();
    check_same(d, &again);
}

static void
check_body(struct slice body, enum decided kind, struct arena *a)
{
    for (int family = CHANGE_CLASSIC; family <= CHANGE_GRAPH; family++) {
        struct change c;
        struct err e = change_read(body, (enum change_family)family, kind, false, 7, a, &c);
        if (e.kind == ERR_NONE && (kind == DECIDED_UPDATE || kind == DECIDED_MERGE))
            check_again(&c.decision, a);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 22);
    if (a != NULL && size > 0) {
        enum decided kind = (enum decided)(data[0] % DECIDED_KINDS);
        struct slice text = {(const char *)data + 1, size - 1};
        struct decision d;
        struct err e = decision_read(slice_of(decision_kind_word(kind)),
                                     kind == DECIDED_PARAMETERS ? 0 : 7, text, a, &d);
        if (e.kind == ERR_NONE) {
            FUZZ_PLANT(d.into > 4);
            check_again(&d, a);
        }
        arena_reset(a);
        if (kind != DECIDED_PARAMETERS)
            check_body(text, kind, a);
    }
    arena_free(a);
    return 0;
}
