"""The measurement tables, partitioned by month; no foreign key, so that they can be spread over servers later."""

from typing import ClassVar

from django.db import migrations

CREATE = """
CREATE TABLE telemetry_measurement (
    device_id bigint NOT NULL,
    ts timestamptz NOT NULL,
    owner_id bigint NOT NULL,
    "values" double precision[] NOT NULL,
    PRIMARY KEY (device_id, ts)
) PARTITION BY RANGE (ts);
CREATE TABLE telemetry_measurementday (
    device_id bigint NOT NULL,
    day date NOT NULL,
    owner_id bigint NOT NULL,
    width smallint NOT NULL CHECK (width > 0),
    offsets_ms integer[] NOT NULL,
    "values" double precision[] NOT NULL,
    PRIMARY KEY (device_id, day, owner_id),
    CHECK (cardinality("values") = cardinality(offsets_ms) * width)
) PARTITION BY RANGE (day);
"""
DROP = "DROP TABLE telemetry_measurementday; DROP TABLE telemetry_measurement"

# Rows rewritten with each frame: room left in their pages keeps the updates there, without touching an index.
ROOM = """
ALTER TABLE telemetry_latest SET (fillfactor = 50);
ALTER TABLE telemetry_rulestate SET (fillfactor = 50);
"""

# The beneficiaries' lists start with the owner; the staff's list of alarms crosses owners.
STAFF_LIST = "CREATE INDEX alarm_list_staff ON telemetry_alarm (raised_at DESC, id DESC)"

# For questions in SQL: one line per value. The reader's own rights and policies apply to the tables underneath
# (security_invoker), so the view itself may be granted to everybody: it gives nothing.
READING = """
CREATE VIEW telemetry_reading WITH (security_invoker = true) AS
SELECT read.device_id, read.owner_id, read.ts, q.item->>'key' AS key, q.item->>'quantity' AS quantity,
       read.value, q.item->>'unit' AS unit
FROM (
    SELECT m.device_id, m.owner_id, m.ts, v.value, v.place
    FROM telemetry_measurement m CROSS JOIN LATERAL unnest(m."values") WITH ORDINALITY AS v(value, place)
    UNION ALL
    SELECT d.device_id, d.owner_id, d.day::timestamp AT TIME ZONE 'UTC' + o.ms * interval '1 millisecond',
           d."values"[(w.place - 1) * cardinality(d.offsets_ms) + o.n], w.place
    FROM telemetry_measurementday d
    CROSS JOIN LATERAL unnest(d.offsets_ms) WITH ORDINALITY AS o(ms, n)
    CROSS JOIN LATERAL generate_series(1::bigint, d.width::bigint) AS w(place)
) AS read
JOIN telemetry_source s ON s.equipment_id = read.device_id
JOIN telemetry_deviceprofile p ON p.id = s.profile_id
JOIN LATERAL jsonb_array_elements(p.quantities) WITH ORDINALITY AS q(item, place) ON q.place = read.place
WHERE read.value IS NOT NULL;
GRANT SELECT ON telemetry_reading TO PUBLIC;
"""


class Migration(migrations.Migration):
    """Create both parents (the maintainer makes their partitions) and the view over them."""

    dependencies: ClassVar = [("telemetry", "0001_initial"), ("kernel", "0002_partitions")]

    operations: ClassVar = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(STAFF_LIST, "DROP INDEX alarm_list_staff"),
        migrations.RunSQL(READING, "DROP VIEW telemetry_reading"),
    ]
