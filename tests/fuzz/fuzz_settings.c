/* Any settings of a tenant and of one source (the first byte picks it): what is taken is within its
 * bounds, and what was split by source is taken again as that source's. */
#include "fuzz.h"

#include "tenant/settings.h"

static void
check_source(const struct source *s, struct slice json, struct arena *a)
{
    struct source_conf c = {.now = 5, .start = 6};
    struct err e = source_conf_read(s, json, a, &c);
    if (e.kind == ERR_STOP || c.n_senders > SOURCE_SENDERS_MAX || c.now != 5 || c.start != 6)
        abort();
    if (e.kind)
        return;
    if (s->listens ? c.port < 1 || c.port > 65535 : c.base_url.n < sizeof "http://")
        abort();
    FUZZ_PLANT(c.resource.n > 1 || c.workspace.n > 1);
}

static void
check_tenant(struct slice json, struct arena *a)
{
    struct settings s;
    struct err e = settings_read(json, a, &s);
    if (e.kind && e.kind != ERR_STOP)
        abort();
    if (e.kind)
        return;
    if (s.n_sources > SETTINGS_SOURCES_MAX || s.correlation.n == 0)
        abort();
    for (size_t i = 0; i < s.n_sources; i++) {
        struct source_conf c = {.port = 0};
        e = source_conf_read(s.sources[i].source, s.sources[i].json, a, &c);
        if (e.kind || (s.mask >> s.sources[i].source->number & 1) == 0)
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 22);
    const struct source *s = size < 1 ? NULL : source_by_number(1 + data[0] % 4);
    if (a != NULL && s != NULL) {
        struct slice json = {(const char *)data + 1, size - 1};
        check_source(s, json, a);
        arena_reset(a);
        check_tenant(json, a);
    }
    arena_free(a);
    return 0;
}
