/*
 * settings.h: what an administrator says of a tenant: sources, credentials, mail domains, hubs.
 *
 * One JSON object: {"domains":["contoso.com"],"hubs":[{"type":"ip","value":"203.0.113.9",
 * "damp":100}],"sources":{"endpoint":{..},"mail":{..},"apps":{..},"identity":{"channel":"syslog",
 * ..}}}. A source that is there is on. Ref: design.md 7; ingest/source.h for a source's members.
 */
#ifndef WEIR_SETTINGS_H
#define WEIR_SETTINGS_H
#include "common/err.h"
#include "common/slice.h"
#include "ingest/source.h"

enum { SETTINGS_SOURCES_MAX = 16 };

struct settings_source {
    const struct source *source;
    struct slice json; /* its settings, compact */
};

struct settings {
    struct settings_source sources[SETTINGS_SOURCES_MAX];
    size_t n_sources;
    int32_t mask; /* bit source number: on */
    enum identity_channel channel;
    struct slice correlation; /* JSON: domains and hubs */
};

/* settings_read - checks everything, so that nothing is half done. Texts in the arena.
 * ERR_STOP "usage.settings": the text names the member and what it must be. */
MUST_CHECK struct err settings_read(struct slice json, struct arena *a, struct settings *out);

/* settings_read_file - the same of a file, at most 1 MiB. */
MUST_CHECK struct err settings_read_file(const char *path, struct arena *a, struct settings *out);

/* settings_channel_word - "off", "apps", "syslog". */
const char *settings_channel_word(enum identity_channel c);

#endif
