/*
 * mail_record.h: what one audit record says of an alert.
 *
 * The parts of mail_map: evidence of a record, and the records that are alerts of their own.
 * Texts are borrowed from the record or live in the arena. Ref: sources.md 3.6, 3.7, 7.5.
 */
#ifndef WEIR_MAIL_RECORD_H
#define WEIR_MAIL_RECORD_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/slice.h"
#include "schemas/alert.h"

struct mail_record {
    struct json json;
    int64_t type, created;
    struct slice id, operation, payload;
    struct json data; /* of its Data; absent: empty or unreadable */
    bool unreadable;
};

/* mail_word_is - equal without blanks and letter case (sources.md 7.3); squeezed is lower case. */
bool mail_word_is(struct slice s, const char *squeezed);
struct slice mail_either(struct slice x, struct slice y); /* x unless it is empty */
/* mail_fold - fold(s), or SLICE_NONE for an empty text. */
struct slice mail_fold(struct slice (*fold)(struct slice, struct arena *), struct slice s,
                       struct arena *a);

/* mail_set_category - with its tactic; empty is SuspiciousActivity. */
void mail_set_category(struct alert *out, struct slice category);

/* One evidence item each; what is empty or not such a thing adds none. */
void mail_add_user(struct alert *out, struct arena *a, struct slice who); /* only x@y */
void mail_add_mailbox(struct alert *out, struct arena *a, struct slice address);
void mail_add_url(struct alert *out, struct arena *a, struct slice url);
void mail_add_ip(struct alert *out, struct arena *a, struct slice ip);
void mail_add_malware(struct alert *out, struct arena *a, struct slice name);
void mail_add_file(struct alert *out, struct arena *a, struct slice name, struct slice hash);

/* mail_policy_entities - the evidence of a record of type 40: sources.md 7.5. */
void mail_policy_entities(const struct mail_record *r, struct arena *a, struct alert *out);

/* mail_record_alert - the alert that a record of type 28, 41 or 47 is by itself. */
void mail_record_alert(const struct mail_record *r, struct arena *a, struct alert *out);

#endif
