#include "common/cli.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli_help.h"
#include "common/line.h"
#include "common/log.h"
#include "common/near.h"
#include "common/process.h"

enum { ARENA_MAX = 256 * 1024 * 1024, TABLES_MAX = 64, NAME_MAX_BYTES = 64, SAY_MAX = 2000 };

const struct opt cli_opts[] = {
    OPT_TEXT("log.level", "info", "Least level of log lines written: debug, info, warn or error."),
    OPT_INT("run.parent_pid", NULL, 0, 0, INT32_MAX,
            "Process that a worker ends with, however that ended; `weir run all` sets it."),
    OPT_END,
};

struct cli {
    const struct cli_command *const *commands;
    const struct opt *const *tables;
    const struct cli_command *command;
    struct arena *arena;
    struct conf *conf;
    const char *values[CLI_FLAGS_MAX]; /* of the command's flags; NULL: not given */
    const char **settings;             /* "name=value" for conf_load, NULL-terminated */
    size_t settings_n;
    const char *argument, *second;
    const char *config;
    bool json, quiet, help, version;
    char program[PATH_MAX];
};

/* ---- saying something */

void
cli_say(const struct cli *cli, const char *format, ...)
{
    if (cli->quiet)
        return;
    char text[SAY_MAX], space[4 * SAY_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct slice left = {text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1};
    do {
        struct line l = {.p = space, .size = sizeof space};
        line_plain(&l, slice_split(&left, '\n'));
        fprintf(stderr, "%.*s\n", (int)l.n, l.p);
    } while (left.p != NULL);
}

/* conf.* is a wrong configuration, *.connect nobody who answers, and so on: see cli.h. */
static int
exit_code(const char *code)
{
    struct slice s = slice_of(code);
    if (slice_starts(s, SLICE("conf.")) || slice_ends(s, SLICE(".conf")) ||
        slice_ends(s, SLICE(".mode")))
        return CLI_CONFIGURATION;
    if (slice_ends(s, SLICE(".connect")))
        return CLI_UNREACHABLE;
    if (slice_starts(s, SLICE("refused.")) || slice_ends(s, SLICE(".forbidden")))
        return CLI_REFUSED;
    return slice_starts(s, SLICE("usage.")) ? CLI_USAGE : CLI_FAILED;
}

/* Composed without allocating: out of memory must be reportable too. */
int
cli_fail(const struct cli *cli, struct err e)
{
    char space[6 * sizeof e.text + 128];
    struct line l = {.p = space, .size = sizeof space};
    if (cli->json) {
        line_put(&l, SLICE("{\"error\":{\"code\":"));
        line_json(&l, slice_of(e.code));
        line_put(&l, SLICE(",\"message\":"));
        line_json(&l, slice_of(e.text));
        line_put(&l, SLICE("}}\n"));
    } else {
        line_put(&l, SLICE("weir: "));
        line_plain(&l, slice_of(e.text));
        line_put(&l, SLICE("\n"));
    }
    (void)fwrite(l.p, 1, l.n, cli->json ? stdout : stderr); /* stdout is checked at the end */
    return exit_code(e.code);
}

/* ---- finding the command */

static bool
is(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
noun_known(const struct cli *cli, const char *noun)
{
    for (size_t i = 0; cli->commands[i] != NULL; i++)
        if (is(cli->commands[i]->noun, noun))
            return true;
    return false;
}

static const struct cli_command *
command_find(const struct cli *cli, const char *noun, const char *verb)
{
    for (size_t i = 0; cli->commands[i] != NULL; i++) {
        const struct cli_command *c = cli->commands[i];
        if (is(c->noun, noun) && (c->verb == NULL || is(c->verb, verb)))
            return c;
    }
    return NULL;
}

/* Says which word is wrong and what may have been meant. */
static struct err
command_unknown(const struct cli *cli, const char *noun, const char *verb)
{
    bool known = noun_known(cli, noun);
    struct near n;
    near_init(&n, known ? verb : noun);
    for (size_t i = 0; cli->commands[i] != NULL; i++) {
        const struct cli_command *c = cli->commands[i];
        if (known && is(c->noun, noun) && c->verb != NULL)
            near_try(&n, c->verb);
        else if (!known)
            near_try(&n, c->noun);
    }
    const char *before = known ? noun : "", *blank = known ? " " : "";
    if (n.best != NULL)
        return err_make(ERR_STOP, "usage.command",
                        "there is no 'weir %s%s%.30s'; did you mean 'weir %s%s%s'?", before, blank,
                        n.wanted, before, blank, n.best);
    return err_make(ERR_STOP, "usage.command",
                    "there is no 'weir %s%s%.30s'; 'weir help%s%s' lists what there is", before,
                    blank, n.wanted, blank, before);
}

/* ---- flags */

/* "--name" or "--name=value"; *value is NULL for the first. */
static bool
flag_is(const char *arg, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, n) != 0)
        return false;
    if (arg[2 + n] != '\0' && arg[2 + n] != '=')
        return false;
    *value = arg[2 + n] == '=' ? arg + 3 + n : NULL;
    return true;
}

struct args {
    char **v;
    int n, at;
    bool words_only; /* "--" was seen */
};

/* A flag's value: behind '=', or the next word unless that is a flag. */
static struct err
value_take(struct args *a, const char *name, const char **value)
{
    if (*value == NULL && a->at + 1 < a->n && strncmp(a->v[a->at + 1], "--", 2) != 0)
        *value = a->v[++a->at];
    if (*value == NULL)
        return err_make(ERR_STOP, "usage.value", "--%s needs a value", name);
    return ERR_OK;
}

static struct err
global_flag(struct cli *cli, struct args *a, bool *taken)
{
    const struct {
        const char *name, *letter;
        bool *seen;
    } SWITCHES[] = {{"json", NULL, &cli->json},
                    {"quiet", "-q", &cli->quiet},
                    {"help", "-h", &cli->help},
                    {"version", "-V", &cli->version}};
    const char *arg = a->v[a->at], *value;
    *taken = true;
    for (size_t i = 0; i < sizeof SWITCHES / sizeof SWITCHES[0]; i++) {
        value = NULL;
        if (!is(arg, SWITCHES[i].letter) && !flag_is(arg, SWITCHES[i].name, &value))
            continue;
        if (value != NULL)
            return err_make(ERR_STOP, "usage.value", "--%s takes no value", SWITCHES[i].name);
        *SWITCHES[i].seen = true;
        return ERR_OK;
    }
    if (flag_is(arg, "config", &cli->config))
        return value_take(a, "config", &cli->config);
    *taken = false;
    return ERR_OK;
}

static struct err
command_flag(struct cli *cli, struct args *a, bool *taken)
{
    const struct cli_flag *f = cli->command != NULL ? cli->command->flags : NULL;
    *taken = false;
    for (size_t i = 0; f != NULL && f[i].name != NULL; i++) {
        const char *value;
        if (!flag_is(a->v[a->at], f[i].name, &value))
            continue;
        *taken = true;
        if (cli->values[i] != NULL)
            return err_make(ERR_STOP, "usage.flag", "--%s is given twice", f[i].name);
        if (f[i].value == NULL && value != NULL)
            return err_make(ERR_STOP, "usage.value", "--%s takes no value", f[i].name);
        struct err e = f[i].value != NULL ? value_take(a, f[i].name, &value) : ERR_OK;
        cli->values[i] = f[i].value != NULL ? value : "";
        return e;
    }
    return ERR_OK;
}

static struct err
flag_unknown(const struct cli *cli, const char *arg)
{
    static const char *const GLOBAL[] = {"json", "quiet", "help", "config", "version"};
    char name[NAME_MAX_BYTES];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg);
    struct near n;
    near_init(&n, name + strspn(name, "-"));
    const struct cli_flag *f = cli->command != NULL ? cli->command->flags : NULL;
    for (; f != NULL && f->name != NULL; f++)
        near_try(&n, f->name);
    for (size_t i = 0; i < sizeof GLOBAL / sizeof GLOBAL[0]; i++)
        near_try(&n, GLOBAL[i]);
    if (n.best != NULL)
        return err_make(ERR_STOP, "usage.flag", "unknown flag %.40s; did you mean --%s?", name,
                        n.best);
    return err_make(ERR_STOP, "usage.flag", "unknown flag %.40s; --help lists what there is", name);
}

/* "--ingest.poll_s=5" is a setting: conf_load knows whether there is one, and near ones. */
static bool
is_setting(const char *arg)
{
    return strncmp(arg, "--", 2) == 0 && memchr(arg, '.', strcspn(arg, "=")) != NULL;
}

static struct err
flag_read(struct cli *cli, struct args *a)
{
    bool taken;
    struct err e = command_flag(cli, a, &taken);
    if (!taken)
        e = global_flag(cli, a, &taken);
    if (taken)
        return e;
    const char *arg = a->v[a->at];
    if (!is_setting(arg))
        return flag_unknown(cli, arg);
    const char *value = strchr(arg, '=');
    if (value == NULL) {
        size_t n = strlen(arg + 2);
        e = value_take(a, arg + 2, &value);
        if (e.kind)
            return e;
        arg = slice_printf(cli->arena, "%.*s=%s", (int)n, arg + 2, value).p;
    } else {
        arg += 2;
    }
    if (arg == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    cli->settings[cli->settings_n++] = arg;
    return ERR_OK;
}

/* ---- the command line as a whole */

/* The first two words say which command it is, and so which flags take a value. */
static void
words_find(int argc, char **argv, const char *words[2])
{
    size_t n = 0;
    words[0] = words[1] = NULL;
    for (int i = 1; i < argc && n < 2 && !is(argv[i], "--"); i++) {
        const char *arg = argv[i];
        bool alone = is(arg, "--json") || is(arg, "--quiet") || is(arg, "-q") || strchr(arg, '=');
        if (is(arg, "--config"))
            i++;
        else if (arg[0] != '-')
            words[n++] = arg;
        else if (n == 1 && !alone) /* its value could be taken for a verb */
            break;
    }
}

static struct err
args_read(struct cli *cli, struct args *a, int words)
{
    for (a->at = 1; a->at < a->n; a->at++) {
        const char *arg = a->v[a->at];
        struct err e = ERR_OK;
        if (!a->words_only && is(arg, "--"))
            a->words_only = true;
        else if (!a->words_only && arg[0] == '-' && arg[1] != '\0')
            e = flag_read(cli, a);
        else if (words > 0)
            words--;
        else if (cli->command != NULL && cli->command->argument != NULL && cli->argument == NULL)
            cli->argument = arg;
        else if (cli->command != NULL && cli->command->second != NULL && cli->second == NULL)
            cli->second = arg;
        else
            e = err_make(ERR_STOP, "usage.argument", "'%.60s' is one word too many", arg);
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

static struct err
required_check(const struct cli *cli)
{
    const struct cli_command *c = cli->command;
    for (size_t i = 0; c->flags != NULL && c->flags[i].name != NULL; i++)
        if (c->flags[i].required && cli->values[i] == NULL)
            return err_make(ERR_STOP, "usage.missing", "--%s %s is missing; for example: %s",
                            c->flags[i].name, c->flags[i].value != NULL ? c->flags[i].value : "",
                            c->example);
    if (c->argument != NULL && cli->argument == NULL)
        return err_make(ERR_STOP, "usage.missing", "%s is missing; for example: %s", c->argument,
                        c->example);
    if (c->second != NULL && cli->second == NULL)
        return err_make(ERR_STOP, "usage.missing", "%s is missing; for example: %s", c->second,
                        c->example);
    return ERR_OK;
}

/* ---- running */

static struct err
log_prepare(const struct cli *cli)
{
    static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
    const char *text = conf_text(cli->conf, "log.level");
    for (size_t i = 0; i < sizeof LEVELS / sizeof LEVELS[0]; i++) {
        if (!is(LEVELS[i], text))
            continue;
        enum log_level level = (enum log_level)i;
        if (is(cli->command->noun, "run")) {
            log_setup(cli->command->verb, level);
            return ERR_OK;
        }
        log_setup("weir", level == LOG_INFO ? LOG_WARN : level);
        log_output(STDERR_FILENO);
        return ERR_OK;
    }
    return err_make(ERR_STOP, "conf.value",
                    "log.level is '%.24s', expected debug, info, warn or error",
                    text != NULL ? text : "");
}

static int
command_run(struct cli *cli)
{
    struct err e = required_check(cli);
    process_guard();
    if (!e.kind)
        e = conf_load(cli->tables, cli->config, cli->settings, &cli->conf);
    if (!e.kind)
        e = log_prepare(cli);
    if (!e.kind && is(cli->command->noun, "run"))
        process_descriptors();
    if (!e.kind && is(cli->command->noun, "run"))
        e = process_follow(conf_int(cli->conf, "run.parent_pid"));
    return e.kind ? cli_fail(cli, e) : cli->command->run(cli);
}

static int
help_run(struct cli *cli, const char *noun, const char *verb)
{
    const struct cli_command *c = noun != NULL ? command_find(cli, noun, verb) : NULL;
    if (c != NULL)
        cli_help_command(stdout, c);
    else if (noun == NULL)
        cli_help_all(stdout, cli->commands);
    else if (noun_known(cli, noun) && verb == NULL)
        cli_help_noun(stdout, cli->commands, noun);
    else
        return cli_fail(cli, command_unknown(cli, noun, verb));
    return CLI_DONE;
}

/* A command that is not whole: what could follow, as words on stderr. */
static int
incomplete(struct cli *cli, const char *noun, const char *verb)
{
    if (noun != NULL && (verb != NULL || !noun_known(cli, noun)))
        return cli_fail(cli, command_unknown(cli, noun, verb));
    if (cli->json)
        return cli_fail(cli, err_make(ERR_STOP, "usage.command", "no command is given"));
    if (noun == NULL)
        cli_help_all(stderr, cli->commands);
    else
        cli_help_noun(stderr, cli->commands, noun);
    return CLI_USAGE;
}

static int
document_run(struct cli *cli)
{
    const char *page = cli->argument != NULL ? cli->argument : "commands";
    if (cli_document(page, cli->commands, cli->tables))
        return CLI_DONE;
    return cli_fail(cli,
                    err_make(ERR_STOP, "usage.argument",
                             "there is no page '%.30s'; pages: commands, settings, exit-codes, "
                             "metrics, weir.yaml",
                             page));
}

static int
dispatch(struct cli *cli, int argc, char **argv)
{
    static const struct cli_command DOCUMENT = {
        .noun = "config", .verb = "document", .argument = "PAGE", .run = document_run};
    static const struct cli_command HELP = {.noun = "help", .argument = "VERB"};
    const char *words[2];
    words_find(argc, argv, words);
    bool help = is(words[0], "help");
    if (help)
        cli->command = &HELP;
    else if (is(words[0], DOCUMENT.noun) && is(words[1], DOCUMENT.verb))
        cli->command = &DOCUMENT;
    else
        cli->command = command_find(cli, words[0], words[1]);
    int used = words[0] == NULL ? 0 : cli->command != NULL && cli->command->verb == NULL ? 1 : 2;
    if (help && words[1] != NULL)
        used = 2;
    struct args a = {.v = argv, .n = argc};
    struct err e = args_read(cli, &a, used);
    if (e.kind && !cli->help)
        return cli_fail(cli, e);
    if (cli->version || is(words[0], "version"))
        return printf("weir %s\n", WEIR_VERSION) < 0 ? CLI_FAILED : CLI_DONE;
    if (help)
        return help_run(cli, words[1], cli->argument);
    if (cli->help)
        return help_run(cli, words[0], words[1]);
    if (cli->command == NULL)
        return incomplete(cli, words[0], words[1]);
    return cli->command == &DOCUMENT ? document_run(cli) : command_run(cli);
}

/* What was printed must have arrived. A reader who has seen enough (`weir ... | head`) is no error.
 */
static int
finish(const struct cli *cli, int code)
{
    errno = 0;
    bool lost = fflush(stdout) != 0;
    int reason = errno;
    lost = ferror(stdout) != 0 || lost;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    bool left = poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
    if (!lost || left || reason == EPIPE)
        return code;
    cli_say(cli, "weir: the output could not be written: %s",
            reason != 0 ? strerror(reason) : "unknown reason");
    return code == CLI_DONE ? CLI_FAILED : code;
}

/* Before anything can fail: how to report it. */
static bool
wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && !is(argv[i], "--"); i++)
        if (is(argv[i], "--json"))
            return true;
    return false;
}

/* Our own tables, not what people typed. */
static void
commands_check(const struct cli_command *const *commands)
{
    for (; *commands != NULL; commands++) {
        const struct cli_command *c = *commands;
        size_t n = 0;
        while (c->flags != NULL && c->flags[n].name != NULL)
            n++;
        assert(c->noun != NULL && c->summary != NULL && c->example != NULL && c->run != NULL);
        assert(n <= CLI_FLAGS_MAX);
    }
}

int
cli_main(int argc, char **argv, const struct cli_command *const *commands,
         const struct opt *const *tables)
{
    const struct opt *all[TABLES_MAX + 2] = {cli_opts};
    for (size_t i = 0; tables[i] != NULL; i++) {
        assert(i < TABLES_MAX);
        all[i + 1] = tables[i];
    }
    struct cli cli = {.commands = commands, .tables = all, .json = wants_json(argc, argv)};
    (void)signal(SIGPIPE, SIG_IGN);
    commands_check(commands);
    ssize_t n = readlink("/proc/self/exe", cli.program, sizeof cli.program - 1);
    if (n <= 0)
        (void)snprintf(cli.program, sizeof cli.program, "%s", argc > 0 ? argv[0] : "weir");
    cli.arena = arena_new(ARENA_MAX);
    cli.settings = cli.arena != NULL
                       ? arena_alloc(cli.arena, ((size_t)argc + 1) * sizeof *cli.settings)
                       : NULL;
    int code = cli.settings != NULL
                   ? dispatch(&cli, argc, argv)
                   : cli_fail(&cli, err_make(ERR_STOP, "cli.memory", "out of memory"));
    code = finish(&cli, code);
    conf_free(cli.conf);
    arena_free(cli.arena);
    return code;
}

/* ---- what a command asks */

const struct conf *
cli_conf(const struct cli *cli)
{
    return cli->conf;
}

struct arena *
cli_arena(struct cli *cli)
{
    return cli->arena;
}

bool
cli_json(const struct cli *cli)
{
    return cli->json;
}

const char *
cli_flag(const struct cli *cli, const char *name)
{
    const struct cli_flag *f = cli->command->flags;
    for (size_t i = 0; f != NULL && f[i].name != NULL; i++)
        if (is(f[i].name, name))
            return cli->values[i];
    assert(false); /* the command has no such flag */
    return NULL;
}

const char *
cli_argument(const struct cli *cli)
{
    return cli->argument;
}

const char *
cli_second(const struct cli *cli)
{
    return cli->second;
}

const char *
cli_config(const struct cli *cli)
{
    return cli->config;
}

const char *
cli_program(const struct cli *cli)
{
    return cli->program;
}
