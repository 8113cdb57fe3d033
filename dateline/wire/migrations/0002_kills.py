"""An index of the kills, so that what is sent from a block can ask at each turn whether there was a further one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("wire", "0001_log")]
    operations = [
        migrations.RunSQL(
            # Nothing follows a kill, so that an item's last seq is its.
            "CREATE INDEX wire_item_killed ON wire_item (seq) WHERE act = 'kill'",
            "DROP INDEX wire_item_killed",
        )
    ]
