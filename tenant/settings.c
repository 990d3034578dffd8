#include "tenant/settings.h"

#include <stdio.h>

#include "common/json.h"

enum { SETTINGS_MAX = 1024 * 1024 };

static const char *const channels[] = {"off", "apps", "syslog"};

const char *
settings_channel_word(enum identity_channel c)
{
    return channels[c];
}

static struct err
wrong(const char *text)
{
    return err_make(ERR_STOP, "usage.settings", "the tenant's settings: %s", text);
}

static struct err
as_usage(struct err e)
{
    return e.kind ? err_make(ERR_STOP, "usage.settings", "%s", e.text) : e;
}

static struct err
read_channel(struct json identity, enum identity_channel *out)
{
    struct slice word = json_get_text(identity, "channel");
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        if (slice_eq(word, slice_of(channels[i]))) {
            *out = (enum identity_channel)i;
            return ERR_OK;
        }
    }
    return wrong("sources.identity.channel must be off, apps or syslog");
}

static struct err
read_source(struct slice name, struct json value, struct arena *a, struct settings *out)
{
    const struct source *source = source_by_name(name);
    if (source == NULL || out->n_sources == SETTINGS_SOURCES_MAX)
        return err_make(ERR_STOP, "usage.settings",
                        "the tenant's settings: no source '%.*s'; there are endpoint, mail, apps "
                        "and identity",
                        SLICE_ARG(slice_sub(name, 0, 40)));
    for (size_t i = 0; i < out->n_sources; i++)
        if (out->sources[i].source == source)
            return err_make(ERR_STOP, "usage.settings",
                            "the tenant's settings: %s stands there twice", source->name);
    struct err e = source->listens ? read_channel(value, &out->channel) : ERR_OK;
    /* lines add to what comes by apps: whoever gives a port for them may send them */
    bool listens =
        out->channel == IDENTITY_SYSLOG ||
        (out->channel == IDENTITY_APPS && json_type(json_get(value, "port")) != JSON_ABSENT);
    if (e.kind || (source->listens && !listens))
        return e;
    struct source_conf checked = {.port = 0};
    struct settings_source *s = &out->sources[out->n_sources++];
    *s = (struct settings_source){source, json_minify(value, a)};
    if (s->json.p == NULL)
        return err_make(ERR_STOP, "tenant.memory", "out of memory");
    out->mask |= 1 << source->number;
    return as_usage(source_conf_read(source, s->json, a, &checked));
}

static struct err
read_domains(struct json domains)
{
    struct json item;
    if (json_type(domains) != JSON_ABSENT && json_type(domains) != JSON_ARRAY)
        return wrong("domains must be a list of mail domains");
    for (struct json_iter it = json_items(domains); json_next(&it, NULL, &item);)
        if (json_text(item).n == 0)
            return wrong("domains must be a list of mail domains");
    return ERR_OK;
}

static struct err
read_hubs(struct json hubs)
{
    struct json item;
    if (json_type(hubs) != JSON_ABSENT && json_type(hubs) != JSON_ARRAY)
        return wrong("hubs must be a list");
    for (struct json_iter it = json_items(hubs); json_next(&it, NULL, &item);) {
        int64_t damp = 0;
        if (json_get_text(item, "type").n == 0 || json_get_text(item, "value").n == 0 ||
            !json_get_int(item, "damp", &damp) || damp < 0 || damp > 1000)
            return wrong("each of hubs needs type, value and damp (0 to 1000)");
    }
    return ERR_OK;
}

/* What the correlator reads again: only these two members. */
static struct slice
correlation_of(struct json doc, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    static const char *const members[] = {"domains", "hubs"};
    for (size_t i = 0; i < 2; i++) {
        struct json v = json_get(doc, members[i]);
        json_out_set_raw(o, members[i],
                         json_type(v) == JSON_ABSENT ? SLICE("[]") : json_minify(v, a));
    }
    return json_out_print(o, a);
}

/* A member that is misspelt would otherwise be a setting that does nothing. */
static struct err
check_names(struct json doc)
{
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(doc); json_next(&it, &name, &value);)
        if (!slice_eq(name, SLICE("domains")) && !slice_eq(name, SLICE("hubs")) &&
            !slice_eq(name, SLICE("sources")))
            return err_make(ERR_STOP, "usage.settings",
                            "the tenant's settings: no member '%.*s'; there are domains, hubs and "
                            "sources",
                            SLICE_ARG(slice_sub(name, 0, 40)));
    return ERR_OK;
}

static struct err
read_members(struct json doc, struct arena *a, struct settings *out)
{
    struct slice name;
    struct json value;
    struct err e = check_names(doc);
    if (e.kind == ERR_NONE)
        e = read_domains(json_get(doc, "domains"));
    if (e.kind == ERR_NONE)
        e = read_hubs(json_get(doc, "hubs"));
    struct json of_sources = json_get(doc, "sources");
    if (e.kind == ERR_NONE && json_type(of_sources) != JSON_OBJECT)
        e = wrong("sources must be an object");
    for (struct json_iter it = json_items(of_sources);
         e.kind == ERR_NONE && json_next(&it, &name, &value);)
        e = read_source(name, value, a, out);
    if (e.kind)
        return e;
    out->correlation = correlation_of(doc, a);
    return out->correlation.p == NULL ? err_make(ERR_STOP, "tenant.memory", "out of memory")
                                      : ERR_OK;
}

struct err
settings_read(struct slice json, struct arena *a, struct settings *out)
{
    struct json doc;
    *out = (struct settings){.channel = IDENTITY_OFF};
    struct err e = json_parse(json, a, &doc);
    if (e.kind)
        return as_usage(e);
    if (json_type(doc) != JSON_OBJECT)
        return wrong("they must be an object");
    return read_members(doc, a, out);
}

struct err
settings_read_file(const char *path, struct arena *a, struct settings *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_make(ERR_STOP, "usage.settings", "cannot open the settings file %.80s", path);
    char *text = arena_alloc(a, SETTINGS_MAX + 1);
    size_t n = text != NULL ? fread(text, 1, SETTINGS_MAX + 1, f) : 0;
    bool bad = text == NULL || ferror(f) || n > SETTINGS_MAX;
    (void)fclose(f);
    if (bad)
        return err_make(ERR_STOP, "usage.settings", "%.80s: unreadable or over %d bytes", path,
                        SETTINGS_MAX);
    return settings_read((struct slice){text, n}, a, out);
}
