/*
 * identity_table.h: the alert types of Azure ATP.
 *
 * The 34 external ids of December 2019 and the later ones. Two channels need it: the syslog lines
 * give the id, the alerts that come through Cloud App Security give the title only.
 * Ref: sources.md 5.6.
 */
#ifndef WEIR_IDENTITY_TABLE_H
#define WEIR_IDENTITY_TABLE_H
#include <stdint.h>

#include "common/slice.h"
#include "schemas/alert.h"

struct identity_type {
    int id;                 /* externalId of the CEF line */
    const char *name;       /* title of 2019, for the later ids that of the guide */
    enum severity severity; /* what the guide says; a line's own severity goes before it */
    const char
        *category;    /* unified word of sources.md 7.4; the primary tactic where there is one */
    uint16_t tactics; /* mask as alert.tactics: the latest guide's tactics */
    const char *techniques; /* blank between them; "" none: see identity_techniques */
};

/* identity_type_of_id - NULL: not in the table. */
const struct identity_type *identity_type_of_id(int64_t external_id);

/*
 * identity_type_of_title - by the name that an alert shows; NULL: unknown.
 *
 * Tolerant: letter case, blanks and punctuation do not count, nor do `**`, "[PREVIEW]", a note in
 * brackets "(preview)", or a class id ("DnsReconnaissanceSecurityAlert"); names of other years are
 * known. Where several types share a class id (AbnormalProtocol) the class id is not taken.
 */
const struct identity_type *identity_type_of_title(struct slice title);

/*
 * identity_detection - what both channels call one kind of detection: "2014" for a type of the
 * table, else "title:" and the title's letters and digits in lower case, or the hash of that when
 * it is long. SLICE_NONE: out of memory.
 */
struct slice identity_detection(const struct identity_type *t, struct slice title, struct arena *a);

/* identity_type_of_alert - by the title that Cloud App Security shows, else by its idValue. */
const struct identity_type *identity_type_of_alert(struct slice title, int64_t id_value);

/* identity_techniques - at most `most` slices of the type's static text; returns how many. */
size_t identity_techniques(const struct identity_type *t, struct slice *out, size_t most);

/* identity_table - all rows, sorted by id; for tests and documentation. */
const struct identity_type *identity_table(size_t *n);

#endif
