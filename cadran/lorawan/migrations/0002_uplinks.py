"""The log of accepted frames, partitioned by month."""

from django.db import migrations

CREATE = """
CREATE TABLE lorawan_uplink (
    device_id bigint NOT NULL,
    ts timestamptz NOT NULL,
    owner_id bigint NOT NULL,
    fcnt bigint NOT NULL,
    f_port smallint,
    data_rate smallint NOT NULL,
    frequency_hz integer NOT NULL,
    confirmed boolean NOT NULL,
    payload bytea NOT NULL,
    receptions jsonb NOT NULL,
    PRIMARY KEY (device_id, ts)
) PARTITION BY RANGE (ts);
"""


class Migration(migrations.Migration):
    """Create the parent; the maintainer makes its partitions."""

    dependencies = [("lorawan", "0001_initial"), ("kernel", "0002_partitions")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE lorawan_uplink")]
