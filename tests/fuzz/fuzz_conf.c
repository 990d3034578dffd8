#include <string.h>

#include "common/conf_file.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    size_t n, longest;
};

static struct err
visit(void *ctx, const struct conf_entry *e)
{
    struct seen *s = ctx;
    size_t n = strlen(e->name);
    if (n == 0 || n > CONF_FILE_NAME_MAX || e->line == 0 || e->column == 0)
        abort();
    if (e->value != NULL && strlen(e->value) > CONF_FILE_MAX)
        abort();
    s->longest = n > s->longest ? n : s->longest;
    if (++s->n > CONF_FILE_KEYS_MAX)
        abort();
    return ERR_OK;
}

/* A refused text says why; an accepted one never names a setting twice. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {0};
    struct err e = conf_file_each("fuzz", (struct slice){(const char *)data, size}, visit, &seen);
    if (e.kind && (strcmp(e.code, "conf.yaml") != 0 || e.text[0] == '\0'))
        abort();
    FUZZ_PLANT(e.kind == ERR_NONE && seen.n == 3 && seen.longest > 20);
    return 0;
}
