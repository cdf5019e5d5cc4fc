"""The partition maintainer: a function of the owner that the application may call, and nothing more."""

from django.db import migrations

ENSURE = """
CREATE FUNCTION cadran_ensure_partitions(first_month date, last_month date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    parent record;
    month date;
    partition text;
    made integer := 0;
BEGIN
    IF last_month - first_month > 3700 THEN
        RAISE EXCEPTION 'more than ten years of partitions asked for';
    END IF;
    PERFORM pg_advisory_xact_lock(3282);
    FOR parent IN
        SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
        WHERE c.relnamespace = 'public'::regnamespace AND p.partstrat = 'r' ORDER BY c.relname
    LOOP
        month := date_trunc('month', first_month)::date;
        WHILE month <= last_month LOOP
            partition := parent.relname || to_char(month, '"_"YYYYMM');
            IF to_regclass('public.' || quote_ident(partition)) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
                    partition, parent.relname,
                    to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
                    to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00'
                );
                made := made + 1;
            END IF;
            month := (month + interval '1 month')::date;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION cadran_ensure_partitions(date, date) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    """Create the function; who may call it is granted with the tables (``rowsecurity.apply``)."""

    dependencies = [("kernel", "0001_initial")]

    operations = [
        migrations.RunSQL(ENSURE, "DROP FUNCTION cadran_ensure_partitions(date, date)"),
    ]
