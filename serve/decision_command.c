#include "serve/decision_command.h"

#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "common/json.h"
#include "normalize/params.h"
#include "schemas/alert.h"
#include "serve/decider.h"
#include "serve/facts.h"
#include "tenant/session.h"

enum { WAIT_S = 20, WAIT_MAX_S = 3600, GUID_SIZE = 37 };

/* One run of a command. */
struct telling {
    struct cli *cli;
    struct session s;
    struct session_tenant tenant;
    struct db *db; /* with notifications; the session's has none */
    struct decider *decider;
    struct change change;
    struct facts facts;
    int64_t wait_s;
    char id[GUID_SIZE];
    bool done;
    struct err e;
};

static struct err
no_memory(void)
{
    return err_make(ERR_STOP, "cli.memory", "out of memory");
}

/* ---- what is asked */

/* Words between commas. */
static struct err
words_of(struct cli *cli, const char *flag, struct slice **out, size_t *n)
{
    struct slice rest = slice_of(cli_flag(cli, flag));
    size_t most = 1;
    for (size_t i = 0; i < rest.n; i++)
        most += rest.p[i] == ',' ? 1 : 0;
    *n = 0;
    *out = arena_alloc(cli_arena(cli), most * sizeof **out);
    if (*out == NULL)
        return no_memory();
    while (rest.p != NULL) {
        struct slice word = slice_trim(slice_split(&rest, ','));
        if (word.n > 0)
            (*out)[(*n)++] = word;
    }
    return ERR_OK;
}

static struct err
class_words(struct cli *cli, struct decision *d)
{
    struct slice class = slice_of(cli_flag(cli, "classification"));
    struct slice det = slice_of(cli_flag(cli, "determination"));
    if (class.p != NULL)
        d->classification = (int32_t)classification_of(class);
    if (det.p != NULL)
        d->determination = (int32_t)determination_of(det);
    if (d->classification == CLASS_UNKNOWN && !slice_eq_nocase(class, SLICE("unknown")))
        return err_make(ERR_STOP, "usage.classification",
                        "--classification is TruePositive, InformationalExpectedActivity, "
                        "FalsePositive or Unknown");
    if (d->determination == DET_UNKNOWN)
        return err_make(ERR_STOP, "usage.determination",
                        "--determination is a word such as Phishing, Malware, Clean or Other");
    return ERR_OK;
}

static struct err
into_of(struct cli *cli, struct decision *d)
{
    if (!slice_int(slice_of(cli_flag(cli, "into")), &d->into) || d->into <= 0)
        return err_make(ERR_STOP, "usage.into", "--into must be the number of an incident");
    if (d->into == d->incident_id)
        return err_make(ERR_STOP, "usage.into", "--into must be another incident");
    return ERR_OK;
}

/* What the kind of a decision needs; each command asks for its own flags beside it. */
static struct err
fill(struct telling *t, enum decided kind)
{
    struct cli *cli = t->cli;
    struct decision *d = &t->change.decision;
    int64_t id = 0;
    if (!slice_int(slice_of(cli_argument(cli)), &id) || id <= 0)
        return err_make(ERR_STOP, "usage.id", "'%.40s' is no incident id: it must be a number",
                        cli_argument(cli));
    decision_init(d, kind, id);
    d->comment = slice_of(cli_flag(cli, "comment"));
    struct err e = ERR_OK;
    if (kind == DECIDED_MERGE || kind == DECIDED_MOVE)
        e = into_of(cli, d);
    if (e.kind == ERR_NONE && kind != DECIDED_UPDATE && kind != DECIDED_MERGE)
        e = words_of(cli, "alerts", &t->change.ids, &t->change.n_ids);
    if (e.kind == ERR_NONE && kind != DECIDED_UPDATE && kind != DECIDED_MERGE &&
        t->change.n_ids == 0)
        e = err_make(ERR_STOP, "usage.alerts", "--alerts names no alert");
    return e;
}

/* Whoever runs it, as the machine knows them. */
static struct slice
operator_name(struct cli *cli)
{
    const char *by = cli_flag(cli, "by");
    uv_passwd_t who;
    if (by != NULL)
        return slice_of(by);
    if (uv_os_get_passwd(&who) != 0)
        return SLICE("operator");
    struct slice name = slice_printf(cli_arena(cli), "operator %s", who.username);
    uv_os_free_passwd(&who);
    return name;
}

/* ---- asking */

static void
on_notified(void *arg, const char *channel, const char *payload)
{
    struct telling *t = arg;
    (void)channel;
    if (t->decider != NULL)
        decider_notified(t->decider, payload);
}

static void
on_up(void *arg)
{
    struct telling *t = arg;
    if (t->decider != NULL)
        decider_up(t->decider);
}

static struct err
open_all(struct telling *t)
{
    const struct db_events events = {.arg = t, .up = on_up, .notified = on_notified};
    struct err e = session_open(&t->s, cli_conf(t->cli), true);
    if (e.kind == ERR_NONE)
        e = session_need(&t->s, cli_flag(t->cli, "tenant"), &t->tenant);
    if (e.kind == ERR_NONE)
        e = db_open_region(t->s.loop, t->s.conf, t->s.region_name, "weir", &events, &t->db);
    if (e.kind == ERR_NONE)
        e = db_wait_up(t->db, t->s.loop, SESSION_WAIT_MS);
    if (e.kind == ERR_NONE)
        e = decider_open(t->s.loop, t->s.conf, t->s.region_name, t->db, t->wait_s * 1000,
                         &t->decider);
    return e;
}

static void
close_all(struct telling *t)
{
    struct decider *decider = t->decider;
    t->decider = NULL;
    decider_close(decider, NULL, NULL);
    if (t->db != NULL)
        db_close(t->db, NULL, NULL);
    session_close(&t->s);
}

/* One line of words, or of JSON. */
static struct err
say(struct telling *t, const struct decider_result *r)
{
    struct arena *a = cli_arena(t->cli);
    if (!cli_json(t->cli)) {
        if (t->change.decision.kind == DECIDED_PARAMETERS)
            printf("done: they hold for what comes from now on; what is together stays\n");
        else if (t->change.decision.kind == DECIDED_SPLIT)
            printf("done: the alerts are in incident %lld now\n", (long long)r->incident_id);
        else
            printf("done: see incident %lld\n", (long long)r->incident_id);
        return ERR_OK;
    }
    struct json_out *o = json_out_object(a);
    json_out_text(o, "request", slice_of(t->id));
    json_out_text(o, "outcome", r->outcome);
    json_out_int(o, "incidentId", r->incident_id);
    return json_out_say(o, a);
}

static void
on_decided(void *arg, const struct decider_result *r, struct err e)
{
    struct telling *t = arg;
    if (e.kind == ERR_NONE && r->applied)
        e = say(t, r);
    else if (e.kind == ERR_NONE)
        e = err_make(ERR_STOP, "refused.decision", "%.*s (%.*s)", SLICE_ARG(r->detail),
                     SLICE_ARG(r->outcome));
    else if (strcmp(e.code, "decider.late") == 0)
        e = err_make(ERR_RETRY, "normalize.connect",
                     "it is in the log, and not worked on after %d s: does a normalize run? It "
                     "will be made as soon as one does",
                     (int)t->wait_s);
    else if (strcmp(e.code, "decider.unsent") == 0)
        e = err_make(ERR_RETRY, "bus.connect", "Kafka did not confirm it within %d s",
                     (int)t->wait_s);
    t->e = e;
    t->done = true;
}

/* What is wrong is said before anything is sent. */
static struct err
look_up(struct telling *t, const struct oid *oid)
{
    facts_ask(&t->facts, t->db, cli_arena(t->cli), oid, &t->change, slice_of(t->id));
    struct err e = db_wait(t->db, t->s.loop);
    if (e.kind == ERR_NONE)
        e = facts_settle(&t->facts, &t->change);
    return e.kind == ERR_REJECT ? err_make(ERR_STOP, "refused.change", "%s", e.text) : e;
}

static struct err
tell(struct telling *t)
{
    const struct oid *oid = &t->tenant.row.oid;
    crypto_guid(t->id);
    struct err e = t->change.decision.kind == DECIDED_PARAMETERS ? ERR_OK : look_up(t, oid);
    if (e.kind)
        return e;
    const struct decider_ask ask = {.oid = *oid,
                                    .epoch = t->tenant.row.epoch,
                                    .id = slice_of(t->id),
                                    .by = operator_name(t->cli),
                                    .decision = &t->change.decision};
    decider_send(t->decider, &ask, on_decided, t);
    if (!t->done && !loop_turn(t->s.loop, &t->done))
        return err_make(ERR_STOP, "cli.interrupted", "interrupted");
    return t->e;
}

static int
run(struct cli *cli, enum decided kind, struct err (*more)(struct telling *t))
{
    struct telling t = {.cli = cli, .wait_s = WAIT_S};
    struct err e = ERR_OK;
    const char *wait = cli_flag(cli, "wait");
    if (wait != NULL &&
        (!slice_int(slice_of(wait), &t.wait_s) || t.wait_s < 1 || t.wait_s > WAIT_MAX_S))
        return cli_fail(
            cli, err_make(ERR_STOP, "usage.wait", "--wait must be 1 to %d seconds", WAIT_MAX_S));
    if (kind == DECIDED_PARAMETERS)
        decision_init(&t.change.decision, kind, 0);
    else
        e = fill(&t, kind);
    if (e.kind == ERR_NONE && more != NULL)
        e = more(&t);
    if (e.kind)
        return cli_fail(cli, e);
    e = open_all(&t);
    if (e.kind == ERR_NONE)
        e = tell(&t);
    close_all(&t);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

/* ---- the commands */

#define TENANT_FLAG                                                                                \
    {                                                                                              \
        "tenant", "GUID", "directory id of the tenant", true                                       \
    }
#define WAIT_FLAG                                                                                  \
    {                                                                                              \
        "wait", "S", "seconds to wait until it is done (20)", false                                \
    }
#define BY_FLAG                                                                                    \
    {                                                                                              \
        "by", "NAME", "who decided; else the user who runs this", false                            \
    }
#define COMMENT_FLAG                                                                               \
    {                                                                                              \
        "comment", "TEXT", "why, for the incident's history", false                                \
    }
#define ALERTS_FLAG                                                                                \
    {                                                                                              \
        "alerts", "IDS", "alert ids as `weir incident show` has them, comma between", true         \
    }
#define FLAGS_END                                                                                  \
    {                                                                                              \
        NULL, NULL, NULL, false                                                                    \
    }

static struct err
closed(struct telling *t)
{
    t->change.decision.status = DECISION_RESOLVED;
    return class_words(t->cli, &t->change.decision);
}

static int
close_run(struct cli *cli)
{
    return run(cli, DECIDED_UPDATE, closed);
}

static const struct cli_flag close_flags[] = {
    TENANT_FLAG,
    {"classification", "WORD", "TruePositive, InformationalExpectedActivity, FalsePositive", false},
    {"determination", "WORD", "Phishing, Malware, Clean, Other, ...", false},
    COMMENT_FLAG,
    BY_FLAG,
    WAIT_FLAG,
    FLAGS_END,
};

const struct cli_command incident_close_command = {
    .noun = "incident",
    .verb = "close",
    .argument = "ID",
    .summary = "resolve an incident: it takes no alert any more",
    .example = "weir incident close 7 --tenant GUID --classification FalsePositive",
    .flags = close_flags,
    .run = close_run,
};

static struct err
reopened(struct telling *t)
{
    t->change.decision.status = DECISION_ACTIVE;
    return ERR_OK;
}

static int
reopen_run(struct cli *cli)
{
    return run(cli, DECIDED_UPDATE, reopened);
}

static const struct cli_flag reopen_flags[] = {TENANT_FLAG, COMMENT_FLAG, BY_FLAG, WAIT_FLAG,
                                               FLAGS_END};

const struct cli_command incident_reopen_command = {
    .noun = "incident",
    .verb = "reopen",
    .argument = "ID",
    .summary = "make a resolved incident active again",
    .example = "weir incident reopen 7 --tenant GUID",
    .flags = reopen_flags,
    .run = reopen_run,
};

static struct err
assigned(struct telling *t)
{
    t->change.decision.assigned_to = slice_of(cli_flag(t->cli, "to"));
    return ERR_OK;
}

static int
assign_run(struct cli *cli)
{
    return run(cli, DECIDED_UPDATE, assigned);
}

static const struct cli_flag assign_flags[] = {
    TENANT_FLAG,  {"to", "NAME", "user principal name; '' for nobody", true},
    COMMENT_FLAG, BY_FLAG,
    WAIT_FLAG,    FLAGS_END,
};

const struct cli_command incident_assign_command = {
    .noun = "incident",
    .verb = "assign",
    .argument = "ID",
    .summary = "give an incident to somebody, or to nobody",
    .example = "weir incident assign 7 --tenant GUID --to anna@contoso.com",
    .flags = assign_flags,
    .run = assign_run,
};

static int
comment_run(struct cli *cli)
{
    return run(cli, DECIDED_UPDATE, NULL);
}

static const struct cli_flag comment_flags[] = {
    TENANT_FLAG, {"comment", "TEXT", "what is to be said", true}, BY_FLAG, WAIT_FLAG, FLAGS_END,
};

const struct cli_command incident_comment_command = {
    .noun = "incident",
    .verb = "comment",
    .argument = "ID",
    .summary = "add a comment to an incident",
    .example = "weir incident comment 7 --tenant GUID --comment 'called the user'",
    .flags = comment_flags,
    .run = comment_run,
};

static struct err
tagged(struct telling *t)
{
    struct decision *d = &t->change.decision;
    d->has_tags = true;
    return words_of(t->cli, "tags", &d->tags, &d->n_tags);
}

static int
tag_run(struct cli *cli)
{
    return run(cli, DECIDED_UPDATE, tagged);
}

static const struct cli_flag tag_flags[] = {
    TENANT_FLAG,  {"tags", "TAGS", "all its tags from now on, comma between; '' for none", true},
    COMMENT_FLAG, BY_FLAG,
    WAIT_FLAG,    FLAGS_END,
};

const struct cli_command incident_tag_command = {
    .noun = "incident",
    .verb = "tag",
    .argument = "ID",
    .summary = "say which tags an incident has",
    .example = "weir incident tag 7 --tenant GUID --tags phishing,board",
    .flags = tag_flags,
    .run = tag_run,
};

static int
merge_run(struct cli *cli)
{
    return run(cli, DECIDED_MERGE, NULL);
}

static const struct cli_flag merge_flags[] = {
    TENANT_FLAG,  {"into", "ID", "the incident it becomes a part of", true},
    COMMENT_FLAG, BY_FLAG,
    WAIT_FLAG,    FLAGS_END,
};

const struct cli_command incident_merge_command = {
    .noun = "incident",
    .verb = "merge",
    .argument = "ID",
    .summary = "make an incident a part of another one",
    .example = "weir incident merge 7 --tenant GUID --into 3",
    .flags = merge_flags,
    .run = merge_run,
};

static int
move_run(struct cli *cli)
{
    return run(cli, DECIDED_MOVE, NULL);
}

static const struct cli_flag move_flags[] = {
    TENANT_FLAG,  ALERTS_FLAG, {"into", "ID", "the incident where they belong", true},
    COMMENT_FLAG, BY_FLAG,     WAIT_FLAG,
    FLAGS_END,
};

const struct cli_command incident_move_command = {
    .noun = "incident",
    .verb = "move",
    .argument = "ID",
    .summary = "move alerts of an incident into another one, where they stay",
    .example = "weir incident move 7 --tenant GUID --alerts da637_1 --into 3",
    .flags = move_flags,
    .run = move_run,
};

static int
split_run(struct cli *cli)
{
    return run(cli, DECIDED_SPLIT, NULL);
}

static const struct cli_flag alerts_flags[] = {TENANT_FLAG, ALERTS_FLAG, COMMENT_FLAG,
                                               BY_FLAG,     WAIT_FLAG,   FLAGS_END};

const struct cli_command incident_split_command = {
    .noun = "incident",
    .verb = "split",
    .argument = "ID",
    .summary = "take alerts out of an incident, into a new one",
    .example = "weir incident split 7 --tenant GUID --alerts da637_1,da637_2",
    .flags = alerts_flags,
    .run = split_run,
};

static int
unpin_run(struct cli *cli)
{
    return run(cli, DECIDED_FREE, NULL);
}

const struct cli_command incident_unpin_command = {
    .noun = "incident",
    .verb = "unpin",
    .argument = "ID",
    .summary = "let the correlator decide over moved alerts again",
    .example = "weir incident unpin 7 --tenant GUID --alerts da637_1",
    .flags = alerts_flags,
    .run = unpin_run,
};

/* ---- a tenant's own parameters */

/* All of them are sent, so that the log does not depend on this machine's defaults. */
static struct err
parameters(struct telling *t)
{
    const char *file = cli_flag(t->cli, "params");
    bool reset = cli_flag(t->cli, "reset") != NULL;
    struct decision *d = &t->change.decision;
    struct params p = params_default;
    if ((file != NULL) == reset)
        return err_make(ERR_STOP, "usage.params", "either --params FILE or --reset");
    struct err e = reset ? ERR_OK : params_read_file(file, &p);
    if (e.kind)
        return e;
    d->comment = slice_of(cli_flag(t->cli, "comment"));
    d->parameters = reset ? SLICE("{}") : params_json(&p, cli_arena(t->cli));
    if (d->parameters.p == NULL)
        return no_memory();
    return decision_check(d);
}

static int
apply_run(struct cli *cli)
{
    return run(cli, DECIDED_PARAMETERS, parameters);
}

static const struct cli_flag apply_flags[] = {
    TENANT_FLAG,
    {"params", "FILE", "what differs from the default, as `weir params check` takes it", false},
    {"reset", NULL, "the installation's again", false},
    COMMENT_FLAG,
    BY_FLAG,
    WAIT_FLAG,
    FLAGS_END,
};

const struct cli_command params_apply_command = {
    .noun = "params",
    .verb = "apply",
    .summary = "give a tenant parameters of its own, from here on",
    .example = "weir params apply --tenant GUID --params FILE",
    .flags = apply_flags,
    .run = apply_run,
};
