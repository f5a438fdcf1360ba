/* SPDX-License-Identifier: Apache-2.0
 * Tables, functions and statements. Functions do what must be atomic in one round trip. Time is the server's.
 * Whoever changes a key holds an advisory lock of its hash, also while the key is not there: so revisions of
 * a key rise, and takes of several limits cannot block each other (they lock in the order of hashes). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "schema.h"

#include <stdlib.h>
#include <string.h>

// clang-format off

#define TABLES \
    "CREATE SCHEMA IF NOT EXISTS {s};\n" \
    "CREATE TABLE IF NOT EXISTS {s}.meta(one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL);\n" \
    /* Revisions begin with the time in microseconds, so that they rise even where the schema is made anew. */ \
    "CREATE SEQUENCE IF NOT EXISTS {s}.revision;\n" \
    "SELECT setval('{s}.revision', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) FROM {s}.revision" \
    " WHERE last_value < 1000000;\n" \
    "CREATE TABLE IF NOT EXISTS {s}.entries(key bytea PRIMARY KEY, revision bigint NOT NULL, expires_ms bigint NOT NULL," \
    " is_counter boolean NOT NULL, number bigint NOT NULL, value bytea NOT NULL) WITH (fillfactor = 80);\n" \
    "ALTER TABLE {s}.entries ALTER COLUMN value SET STORAGE EXTERNAL;\n" \
    "CREATE INDEX IF NOT EXISTS entries_end ON {s}.entries(expires_ms) WHERE expires_ms > 0;\n" \
    /* No index of ends: it would make each take write to an index. */ \
    "CREATE TABLE IF NOT EXISTS {s}.limits(key bytea, kind integer, period_ms bigint, a bigint NOT NULL, b bigint NOT NULL," \
    " c bigint NOT NULL, end_ms bigint NOT NULL, PRIMARY KEY (key, kind, period_ms)) WITH (fillfactor = 50);\n" \
    "CREATE TABLE IF NOT EXISTS {s}.watches(prefix bytea PRIMARY KEY, until_ms bigint NOT NULL);\n"

#define SMALL \
    "CREATE OR REPLACE FUNCTION {s}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS" \
    " 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';\n" \
    "CREATE OR REPLACE FUNCTION {s}.up(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS" \
    " 'SELECT a / b + CASE WHEN a % b <> 0 THEN 1 ELSE 0 END';\n" \
    "CREATE OR REPLACE FUNCTION {s}.hold(k bytea) RETURNS void LANGUAGE plpgsql AS $$ BEGIN" \
    " PERFORM pg_advisory_xact_lock('{s}.entries'::regclass::oid::integer, hashtext(encode(k, 'hex'))); END $$;\n" \
    /* NOTIFY makes commits wait for each other, so it is done for watched keys only. */ \
    "CREATE OR REPLACE FUNCTION {s}.tell(k bytea, r bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN" \
    " IF EXISTS (SELECT FROM {s}.watches w WHERE substring(k FROM 1 FOR octet_length(w.prefix)) = w.prefix" \
    " AND w.until_ms > {s}.now_ms()) THEN PERFORM pg_notify('{n}', r::text || ':' || encode(k, 'hex')); END IF; END $$;\n"

/* Statuses: 0 done, 2 absent, -3 stale, -1 the key holds no counter. */
#define PUT \
    "CREATE OR REPLACE FUNCTION {s}.put(k bytea, v bytea, mode integer, wanted bigint, ttl bigint," \
    " OUT status integer, OUT rev bigint, OUT ends bigint) LANGUAGE plpgsql AS $$\n" \
    "DECLARE now bigint; have bigint; BEGIN\n" \
    "  PERFORM {s}.hold(k); now := {s}.now_ms(); status := 0;\n" \
    "  IF mode > 0 THEN\n" \
    "    SELECT e.revision INTO have FROM {s}.entries e WHERE e.key = k AND (e.expires_ms = 0 OR e.expires_ms > now);\n" \
    "    IF (mode = 1 AND have IS NOT NULL) OR (mode = 2 AND have IS DISTINCT FROM wanted) THEN status := -3; RETURN; END IF;\n" \
    "  END IF;\n" \
    "  rev := nextval('{s}.revision'); ends := CASE WHEN ttl > 0 THEN now + ttl ELSE 0 END;\n" \
    "  INSERT INTO {s}.entries AS e VALUES (k, rev, ends, false, 0, v) ON CONFLICT (key) DO UPDATE SET" \
    " revision = rev, expires_ms = ends, is_counter = false, number = 0, value = v;\n" \
    "  PERFORM {s}.tell(k, rev);\n" \
    "END $$;\n"

#define REMOVE \
    "CREATE OR REPLACE FUNCTION {s}.remove(k bytea, wanted bigint) RETURNS integer LANGUAGE plpgsql AS $$\n" \
    "DECLARE have bigint; BEGIN\n" \
    "  PERFORM {s}.hold(k);\n" \
    "  SELECT e.revision INTO have FROM {s}.entries e WHERE e.key = k AND (e.expires_ms = 0 OR e.expires_ms > {s}.now_ms());\n" \
    "  IF have IS NULL THEN RETURN 2; END IF;\n" \
    "  IF wanted <> 0 AND have <> wanted THEN RETURN -3; END IF;\n" \
    "  DELETE FROM {s}.entries e WHERE e.key = k;\n" \
    "  PERFORM {s}.tell(k, 0); RETURN 0;\n" \
    "END $$;\n"

#define ADD \
    "CREATE OR REPLACE FUNCTION {s}.add(k bytea, delta bigint, ttl bigint," \
    " OUT status integer, OUT rev bigint, OUT ends bigint, OUT total bigint) LANGUAGE plpgsql AS $$\n" \
    "DECLARE now bigint; old record; BEGIN\n" \
    "  PERFORM {s}.hold(k); now := {s}.now_ms(); status := 0;\n" \
    "  SELECT e.revision, e.expires_ms, e.is_counter, e.number INTO old FROM {s}.entries e" \
    " WHERE e.key = k AND (e.expires_ms = 0 OR e.expires_ms > now);\n" \
    "  IF FOUND AND NOT old.is_counter THEN status := -1; RETURN; END IF;\n" \
    "  IF delta = 0 THEN\n" \
    "    IF FOUND THEN rev := old.revision; ends := old.expires_ms; total := old.number; ELSE status := 2; END IF;\n" \
    "    RETURN;\n" \
    "  END IF;\n" \
    "  total := delta; ends := CASE WHEN ttl > 0 THEN now + ttl ELSE 0 END;\n" \
    "  IF FOUND THEN total := old.number + delta; ends := old.expires_ms; END IF;\n" \
    "  rev := nextval('{s}.revision');\n" \
    "  INSERT INTO {s}.entries AS e VALUES (k, rev, ends, true, total, '') ON CONFLICT (key) DO UPDATE SET" \
    " revision = rev, expires_ms = ends, is_counter = true, number = total, value = '';\n" \
    "END $$;\n"

/* The arithmetic of limit.c. */
#define WINDOWS \
    "CREATE OR REPLACE FUNCTION {s}.share(period bigint, amount bigint, into_ms bigint) RETURNS bigint LANGUAGE plpgsql" \
    " IMMUTABLE AS $$ DECLARE step bigint := {s}.up(period, 67108864); steps bigint := {s}.up(period, step);" \
    " reach bigint := {s}.up(period - into_ms, step); BEGIN" \
    " RETURN amount / steps * reach + {s}.up(amount % steps * reach, steps); END $$;\n" \
    "CREATE OR REPLACE FUNCTION {s}.offset_for(period bigint, amount bigint, room bigint) RETURNS bigint LANGUAGE plpgsql" \
    " IMMUTABLE AS $$ DECLARE step bigint := {s}.up(period, 67108864); steps bigint := {s}.up(period, step); BEGIN" \
    " IF room < 0 THEN RETURN period; END IF; IF amount <= room THEN RETURN 0; END IF;" \
    " RETURN greatest(0, period - floor(room::numeric * steps / amount)::bigint * step); END $$;\n"

#define TAKE \
    "CREATE OR REPLACE FUNCTION {s}.take(ks bytea[], kinds bigint[], bursts bigint[], rates bigint[], periods bigint[]," \
    " costs bigint[], urs bigint[], ups bigint[]) RETURNS bigint[] LANGUAGE plpgsql AS $$\n" \
    "DECLARE now bigint; h integer; n integer := array_length(ks, 1); a bigint[]; b bigint[]; c bigint[]; fulls bigint[];" \
    " verdicts bigint[]; aa bigint; bb bigint; cc bigint; most bigint; room bigint; wait bigint; w bigint; at bigint;" \
    " fits boolean; all_fit boolean := true; ends bigint; BEGIN\n" \
    /* Limits need no flush of the log: a crash of the server gives back the last half second at most. */ \
    "  PERFORM set_config('synchronous_commit', 'off', true);\n" \
    "  FOR h IN SELECT DISTINCT hashtext(encode(k, 'hex')) FROM unnest(ks) k ORDER BY 1 LOOP\n" \
    "    PERFORM pg_advisory_xact_lock('{s}.limits'::regclass::oid::integer, h);\n" \
    "  END LOOP;\n" \
    "  now := {s}.now_ms();\n" \
    "  FOR i IN 1..n LOOP\n" \
    "    wait := 0; most := rates[i]; fulls[i] := bursts[i] * ups[i];\n" \
    "    SELECT l.a, l.b, l.c INTO aa, bb, cc FROM {s}.limits l WHERE l.key = ks[i] AND l.kind = kinds[i] AND l.period_ms = periods[i];\n" \
    "    IF kinds[i] = 0 THEN\n" \
    "      most := bursts[i];\n" \
    "      IF aa IS NULL THEN aa := fulls[i]; bb := now; cc := ups[i]; END IF;\n" \
    "      IF cc <> ups[i] THEN aa := trunc(aa::numeric * ups[i] / cc)::bigint; cc := ups[i]; END IF;\n" \
    "      IF now > bb THEN\n" \
    "        IF fulls[i] > aa AND now - bb < {s}.up(fulls[i] - aa, urs[i]) THEN aa := aa + (now - bb) * urs[i];\n" \
    "        ELSE aa := fulls[i]; END IF;\n" \
    "        bb := now;\n" \
    "      END IF;\n" \
    "      aa := least(aa, fulls[i]); room := aa / ups[i];\n" \
    "    ELSE\n" \
    "      w := now / periods[i];\n" \
    "      IF aa IS NULL THEN aa := w; bb := 0; cc := 0; END IF;\n" \
    "      IF w > aa THEN cc := CASE WHEN w = aa + 1 THEN bb ELSE 0 END; bb := 0; aa := w; END IF;\n" \
    "      at := greatest(0, now - aa * periods[i]);\n" \
    "      room := greatest(0, rates[i] - bb - CASE WHEN kinds[i] = 1 THEN {s}.share(periods[i], cc, at) ELSE 0 END);\n" \
    "    END IF;\n" \
    "    fits := costs[i] <= most AND (costs[i] <= room OR costs[i] = 0);\n" \
    "    IF costs[i] > most THEN wait := 4294967295;\n" \
    "    ELSIF NOT fits THEN\n" \
    "      IF kinds[i] = 0 THEN wait := {s}.up(costs[i] * ups[i] - aa, urs[i]);\n" \
    "      ELSIF kinds[i] = 2 THEN wait := periods[i] - at;\n" \
    "      ELSE\n" \
    "        w := {s}.offset_for(periods[i], cc, rates[i] - costs[i] - bb);\n" \
    "        IF w < periods[i] THEN wait := w - at;\n" \
    "        ELSE wait := periods[i] - at + {s}.offset_for(periods[i], bb, rates[i] - costs[i]); END IF;\n" \
    "      END IF;\n" \
    "      wait := least(greatest(wait, 1), 4294967294);\n" \
    "    END IF;\n" \
    "    all_fit := all_fit AND fits; a[i] := aa; b[i] := bb; c[i] := cc;\n" \
    "    verdicts := verdicts || ARRAY[CASE WHEN fits THEN 1 ELSE 0 END, wait, room];\n" \
    "  END LOOP;\n"

#define TAKE_REST \
    "  IF NOT all_fit THEN RETURN verdicts; END IF;\n" \
    "  FOR i IN 1..n LOOP\n" \
    "    CONTINUE WHEN costs[i] = 0;\n" \
    "    IF kinds[i] = 0 THEN\n" \
    "      aa := a[i] - costs[i] * ups[i]; bb := b[i]; verdicts[3 * i] := aa / ups[i];\n" \
    "      ends := bb + {s}.up(fulls[i] - aa, urs[i]);\n" \
    "    ELSE\n" \
    "      aa := a[i]; bb := b[i] + costs[i]; verdicts[3 * i] := greatest(0, verdicts[3 * i] - costs[i]);\n" \
    "      ends := (aa + CASE WHEN kinds[i] = 1 THEN 2 ELSE 1 END) * periods[i];\n" \
    "    END IF;\n" \
    "    cc := c[i];\n" \
    "    INSERT INTO {s}.limits AS l VALUES (ks[i], kinds[i], periods[i], aa, bb, cc, ends)" \
    " ON CONFLICT (key, kind, period_ms) DO UPDATE SET a = aa, b = bb, c = cc, end_ms = ends;\n" \
    "  END LOOP;\n" \
    "  RETURN verdicts;\n" \
    "END $$;\n"

#define SWEEP \
    "CREATE OR REPLACE FUNCTION {s}.sweep(limits_too integer) RETURNS integer LANGUAGE plpgsql AS $$\n" \
    "DECLARE gone bytea; count integer := 0; now bigint := {s}.now_ms(); BEGIN\n" \
    "  PERFORM set_config('synchronous_commit', 'off', true);\n" \
    "  FOR gone IN DELETE FROM {s}.entries d WHERE d.key IN (SELECT e.key FROM {s}.entries e" \
    " WHERE e.expires_ms > 0 AND e.expires_ms <= now ORDER BY e.expires_ms LIMIT 200 FOR UPDATE SKIP LOCKED)" \
    " AND d.expires_ms > 0 AND d.expires_ms <= now RETURNING d.key LOOP\n" \
    "    PERFORM {s}.tell(gone, 0); count := count + 1;\n" \
    "  END LOOP;\n" \
    "  IF limits_too = 1 THEN\n" \
    "    DELETE FROM {s}.limits d WHERE (d.key, d.kind, d.period_ms) IN (SELECT l.key, l.kind, l.period_ms" \
    " FROM {s}.limits l WHERE l.end_ms <= now LIMIT 20000 FOR UPDATE SKIP LOCKED) AND d.end_ms <= now;\n" \
    "    DELETE FROM {s}.watches WHERE until_ms <= now;\n" \
    "  END IF;\n" \
    "  RETURN count;\n" \
    "END $$;\n"

const char *const schema_create[] = {
    "BEGIN;\nSELECT pg_advisory_xact_lock(hashtext('jackfield store'), hashtext('{n}'));\n",
    TABLES, SMALL, PUT, REMOVE, ADD, WINDOWS, TAKE, TAKE_REST, SWEEP,
    "INSERT INTO {s}.meta(version) VALUES (1) ON CONFLICT DO NOTHING;\nCOMMIT;\n", NULL};

const char *const schema_prepare[] = {
    "PREPARE jf_get(bytea) AS SELECT revision, expires_ms, is_counter, number, value FROM {s}.entries"
    " WHERE key = $1 AND (expires_ms = 0 OR expires_ms > (SELECT {s}.now_ms()));\n"
    "PREPARE jf_put(bytea, bytea, integer, bigint, bigint) AS SELECT * FROM {s}.put($1, $2, $3, $4, $5);\n"
    "PREPARE jf_remove(bytea, bigint) AS SELECT {s}.remove($1, $2);\n"
    /* Sizes are summed without reading the values. */
    "PREPARE jf_list(bytea, bytea, bigint, integer, bigint) AS SELECT key, revision, expires_ms, is_counter, number,"
    " CASE WHEN $4 = 1 THEN '' ELSE value END FROM (SELECT e.*, row_number() OVER o AS nth, sum(octet_length(e.key) +"
    " CASE WHEN $4 = 1 THEN 0 ELSE octet_length(e.value) END + 40) OVER o AS used FROM"
    " (SELECT * FROM {s}.entries WHERE key >= $1 AND key < $2 AND (expires_ms = 0 OR expires_ms > (SELECT {s}.now_ms()))"
    " ORDER BY key LIMIT $3) e WINDOW o AS (ORDER BY e.key)) p WHERE nth = 1 OR used <= $5 ORDER BY key;\n"
    "PREPARE jf_add(bytea, bigint, bigint) AS SELECT * FROM {s}.add($1, $2, $3);\n"
    "PREPARE jf_take(bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[]) AS"
    " SELECT {s}.take($1, $2, $3, $4, $5, $6, $7, $8);\n"
    "PREPARE jf_sweep(integer) AS SELECT {s}.sweep($1);\n"
    "PREPARE jf_watch(bytea, bigint) AS INSERT INTO {s}.watches AS w VALUES ($1, {s}.now_ms() + $2)"
    " ON CONFLICT (prefix) DO UPDATE SET until_ms = greatest(w.until_ms, excluded.until_ms);\n",
    NULL};
// clang-format on

char *schema_text(const char *const *parts, const char *schema) {
    size_t length = strlen(schema), room = 1;
    for (const char *const *part = parts; *part != NULL; part++)
        for (const char *at = *part; *at != 0; at++)
            room += *at == '{' ? length + 1 : 1;
    char *made = malloc(room), *to = made;
    if (made == NULL) return NULL;
    for (; *parts != NULL; parts++) {
        for (const char *at = *parts; *at != 0;) {
            if (strncmp(at, "{s}", 3) != 0 && strncmp(at, "{n}", 3) != 0) {
                *to++ = *at++;
                continue;
            }
            /* A name of a-z, 0-9 and _ needs no quotes; `{s}` also stands inside literals. */
            memcpy(to, schema, length);
            to += length;
            at += 3;
        }
    }
    *to = 0;
    return made;
}
