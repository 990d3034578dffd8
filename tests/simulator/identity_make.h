/*
 * identity_make.h: syslog lines of Azure ATP, as its sensors write them.
 *
 * No structured data, MSGID cut to 32 characters, a BOM or none or one that was encoded twice;
 * CEF without "CEF:"; values with blanks in front, "\r\n" as four characters; the form of RFC 3164
 * as one guesses it; lines of the predecessor. Ref: sources.md 5.2 to 5.7.
 */
#ifndef SIM_IDENTITY_MAKE_H
#define SIM_IDENTITY_MAKE_H
#include "tests/simulator/dice.h"

enum identity_form {
    IDENTITY_BOM,       /* 5424 as the product writes it */
    IDENTITY_NO_BOM,    /* ... and as one sample has it */
    IDENTITY_TWICE_BOM, /* ... and as its documentation shows it */
    IDENTITY_3164,      /* "<36>Feb 21 14:19:27 CENTER CEF:0|..." */
    IDENTITY_3164_PID,  /* "<36>Feb 21 14:19:27 CENTER CEF[6076]: 0|..." */
    IDENTITY_NO_ZERO,   /* 5424, the 0 before the first bar lost */
    IDENTITY_FORMS
};

/* What one alert's lines have in common. */
struct identity_case {
    struct dice *dice;
    struct arena *arena;
    int missing_percent, odd_percent; /* of members; of blanks, marks and the like */
    size_t type;                      /* row of the table of types */
    bool ata;                         /* of the predecessor: 24 hex digits, no trigger */
    bool later;                       /* the portal's address of later years, with "aa" */
    int64_t start;                    /* 100 ns */
    struct slice id;                  /* GUID, or 24 hex digits */
    struct slice workspace, sensor, computer, account, note;
};

/* identity_case_make - an alert whose activity began then. */
struct identity_case identity_case_make(struct dice *dice, struct arena *a, struct slice workspace,
                                        int64_t start);

/* identity_line - what one sensor says of it: sent then, the n-th time (0: "new"), in that form.
 * No line feed in it and none at its end. SLICE_NONE: the arena is full. */
struct slice identity_line(struct identity_case *c, enum identity_form form, int64_t sent,
                           int which);

/* identity_health - a health line: no start, no GUID. */
struct slice identity_health(struct identity_case *c, int64_t sent);

#endif
