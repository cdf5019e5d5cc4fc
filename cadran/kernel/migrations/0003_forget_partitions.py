"""Retention: a function of the owner that drops the old partitions of the tables kept for a limited time."""

from django.db import migrations

FORGET = """
CREATE FUNCTION cadran_forget_partitions(parent text, before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    partition text;
    dropped integer := 0;
BEGIN
    IF parent <> ALL (ARRAY['lorawan_uplink']) THEN
        RAISE EXCEPTION 'table % is kept: nothing of it is forgotten by age', parent;
    END IF;
    IF before > current_date - 30 THEN
        RAISE EXCEPTION 'less than thirty days would be left';
    END IF;
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = ('public.' || quote_ident(parent))::regclass
          AND c.relname ~ ('^' || parent || '_[0-9]{6}$')
          AND to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= before
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE public.%I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION cadran_forget_partitions(text, date) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    """Create the function; who may call it is granted with the tables (``rowsecurity.apply``)."""

    dependencies = [("kernel", "0002_partitions")]

    operations = [
        migrations.RunSQL(FORGET, "DROP FUNCTION cadran_forget_partitions(text, date)"),
    ]
