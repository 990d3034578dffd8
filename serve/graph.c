#include "serve/graph.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "schemas/alert.h"

enum { NUMBER_SIZE = 24 };

static struct slice
or_empty(struct slice s)
{
    return s.p != NULL ? s : SLICE("");
}

/* An id is text there. */
static void
put_id(struct wire *w, const char *name, int64_t id)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%" PRId64, id);
    wire_text(w, name, slice_of(text));
}

static void
put_time(struct wire *w, const char *name, int64_t at)
{
    if (at == CLOCK_NONE)
        wire_null(w, name);
    else
        wire_text(w, name, slice_of(clock_format_full(at).s));
}

static void
put_comments(struct wire *w, const char *name, const struct graph_incident *i)
{
    wire_open(w, name, '[');
    for (size_t k = 0; k < i->n_comments; k++) {
        wire_open(w, NULL, '{');
        wire_text(w, "@odata.type", SLICE("#microsoft.graph.security.alertComment"));
        wire_text(w, "comment", or_empty(i->comments[k].text));
        wire_text(w, "createdByDisplayName", i->comments[k].by);
        put_time(w, "createdDateTime", i->comments[k].at);
        wire_close(w, '}');
    }
    wire_close(w, ']');
}

void
graph_incident(struct wire *w, const struct graph_incident *i, const char *context)
{
    const struct incidents_row *r = i->row;
    wire_open(w, NULL, '{');
    if (context != NULL)
        wire_text(w, "@odata.context", slice_of(context));
    put_id(w, "id", r->id);
    wire_text(w, "incidentWebUrl", i->web_url);
    wire_text(w, "tenantId", i->tenant);
    if (r->redirect_to != 0)
        put_id(w, "redirectIncidentId", r->redirect_to);
    else
        wire_null(w, "redirectIncidentId");
    wire_text(w, "displayName", or_empty(r->name));
    put_time(w, "createdDateTime", r->created);
    put_time(w, "lastUpdateDateTime", r->updated);
    wire_text(w, "assignedTo", r->assigned_to);
    wire_text(w, "classification",
              slice_of(classification_graph((enum classification)r->classification)));
    wire_text(w, "determination",
              slice_of(determination_graph((enum determination)r->determination)));
    wire_text(w, "status", r->redirect_to != 0 ? SLICE("redirected") : or_empty(r->status));
    wire_text(w, "severity", slice_of(severity_graph((enum severity)r->severity)));
    wire_open(w, "customTags", '[');
    for (size_t k = 0; k < r->n_tags; k++)
        wire_text(w, NULL, or_empty(r->tags[k]));
    wire_close(w, ']');
    wire_open(w, "systemTags", '[');
    wire_close(w, ']');
    put_comments(w, "comments", i);
    wire_close(w, '}');
}

void
graph_comments(struct wire *w, const struct graph_incident *i, const char *context)
{
    wire_open(w, NULL, '{');
    if (context != NULL)
        wire_text(w, "@odata.context", slice_of(context));
    put_comments(w, "value", i);
    wire_close(w, '}');
}
