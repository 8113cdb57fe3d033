"""Indexes for what the queue asks for: requests by when they were made, schedules by when they were due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("desk", "0004_subscribers"),)
    operations = (
        migrations.AddIndex(model_name="request", index=models.Index(fields=["at"], name="desk_request_at")),
        migrations.AddIndex(model_name="schedule", index=models.Index(fields=["due"], name="desk_schedule_due")),
    )
