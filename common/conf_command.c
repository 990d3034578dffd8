#include "common/conf_command.h"

#include <stdio.h>

#include "common/json.h"
#include "common/mask.h"

enum { COLUMNS = 3 };

struct showing {
    struct arena *arena;
    struct json_out *list; /* --json */
    const char **cells;    /* else */
    size_t rows, capacity; /* of cells */
    bool full;
};

static void
show_json(void *ctx, const struct opt *o, const char *name, const char *value, const char *origin)
{
    struct showing *s = ctx;
    struct json_out *row = json_out_object(s->arena);
    json_out_text(row, "name", slice_of(name));
    json_out_text(row, "value",
                  value != NULL ? mask_secrets(slice_of(value), s->arena) : SLICE_NONE);
    json_out_text(row, "unit", slice_of(o->unit));
    json_out_text(row, "origin", slice_of(origin));
    json_out_add(s->list, row);
}

static void
show_row(void *ctx, const struct opt *o, const char *name, const char *value, const char *origin)
{
    struct showing *s = ctx;
    while (!s->full && (s->rows + 1) * COLUMNS > s->capacity) {
        void *larger = arena_grow(s->arena, s->cells, sizeof *s->cells, &s->capacity);
        s->full = larger == NULL;
        s->cells = s->full ? s->cells : larger;
    }
    if (s->full)
        return;
    const char **row = s->cells + s->rows++ * COLUMNS;
    row[0] = name;
    row[1] = value;
    row[2] = origin;
    if (value != NULL && o->unit != NULL)
        row[1] = slice_printf(s->arena, "%s %s", value, o->unit).p;
    else if (value != NULL)
        row[1] = slice_cstr(s->arena, mask_secrets(slice_of(value), s->arena));
    s->full = value != NULL && row[1] == NULL;
}

static int
show(struct cli *cli)
{
    static const char *const HEADINGS[] = {"SETTING", "VALUE", "FROM", NULL};
    struct showing s = {.arena = cli_arena(cli)};
    struct err memory = err_make(ERR_STOP, "cli.memory", "out of memory");
    if (cli_json(cli)) {
        s.list = json_out_array(s.arena);
        conf_each(cli_conf(cli), show_json, &s);
        struct slice text = json_out_print(s.list, s.arena);
        if (text.p == NULL)
            return cli_fail(cli, memory);
        printf("%.*s\n", SLICE_ARG(text));
        return CLI_DONE;
    }
    conf_each(cli_conf(cli), show_row, &s);
    if (s.full)
        return cli_fail(cli, memory);
    cli_table(&(struct cli_table){.headings = HEADINGS, .cells = s.cells, .rows = s.rows});
    return CLI_DONE;
}

const struct cli_command config_show_command = {
    .noun = "config",
    .verb = "show",
    .summary = "every setting, its value and where it came from",
    .example = "weir config show --config /etc/weir/weir.yaml",
    .run = show,
};
