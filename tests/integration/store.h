/*
 * store.h: a database with all schemas and one tenant, for the tests of the families of tables.
 */
#ifndef WEIR_TESTS_STORE_H
#define WEIR_TESTS_STORE_H
#include "tests/integration/postgres.h"

static const struct oid tenant = {{0x77, 1, 2, 3}};

static inline int
setup(void **state)
{
    struct pg *pg = pg_open("store", NULL);
    *state = pg;
    if (pg == NULL)
        return 0;
    struct migrate_report r;
    pg_ok(migrate_control(pg->db, pg->loop, false, pg->arena, &r));
    pg_ok(migrate_region(pg->db, pg->loop, false, pg->arena, &r));
    pg_ok(migrate_tenant(pg->db, pg->loop, &tenant, false, pg->arena, &r));
    return 0;
}

static inline int
teardown(void **state)
{
    pg_close(*state);
    return 0;
}

static inline struct pg *
server(void **state)
{
    if (*state == NULL)
        skip();
    struct pg *pg = *state;
    arena_reset(pg->arena);
    return pg;
}

static inline struct db_answer
into(struct got *g)
{
    *g = (struct got){0};
    return (struct db_answer){pg_got, g};
}

static inline struct err
wait(struct pg *pg)
{
    return db_wait(pg->db, pg->loop);
}

#endif
